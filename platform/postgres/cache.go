package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const unpackedPrefix = "postgresql-"

// unpackedName is the folder of one release in the cache. The platform is part
// of it, for a home that several kinds of machine share.
func unpackedName(version string) string {
	return unpackedPrefix + version + "-" + platform()
}

func (o BinaryOptions) cacheDir() (string, error) {
	if o.CacheDir != "" {
		return filepath.Abs(o.CacheDir)
	}
	return DefaultCacheDir()
}

// cached gives the newest release that was unpacked before. A folder appears
// under its name only when it is complete, so being there is enough.
func cached(ctx context.Context, o BinaryOptions) (Binaries, error) {
	dir, err := o.cacheDir()
	if err != nil {
		return Binaries{}, err
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return Binaries{}, fmt.Errorf("the cache cannot be read: %w", err)
	}
	best := Binaries{}
	for _, e := range entries {
		version, ok := strings.CutPrefix(e.Name(), unpackedPrefix)
		if !ok {
			continue
		}
		if version, ok = strings.CutSuffix(version, "-"+platform()); !ok {
			continue
		}
		b := unpackedIn(filepath.Join(dir, e.Name()), version)
		if absentProgram(b.Dir) == "" && o.fits(ctx, b) == nil && newer(b.Version, best.Version) {
			best = b
		}
	}
	if best.Dir == "" {
		return Binaries{}, fmt.Errorf("none that fits was unpacked before in %s", dir)
	}
	best.Source = SourceCache
	return best, nil
}

func unpackedIn(dir, version string) Binaries {
	return Binaries{Dir: filepath.Join(dir, "bin"), Version: version, Major: leadingNumber(version)}
}

// newer compares by numbers: 15.9 is older than 15.18. Anything is newer than "".
func newer(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range max(len(as), len(bs)) {
		x, y := -1, -1
		if i < len(as) {
			x = leadingNumber(as[i])
		}
		if i < len(bs) {
			y = leadingNumber(bs[i])
		}
		if x != y {
			return x > y
		}
	}
	return false
}

// leadingNumber reads the digits that s begins with, "19beta1" as 19; -1 when
// there are none.
func leadingNumber(s string) int {
	if at := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' }); at >= 0 {
		s = s[:at]
	}
	n, err := strconv.Atoi(s)
	if err != nil {
		return -1
	}
	return n
}
