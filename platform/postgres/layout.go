package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// layout names what lies in a data directory. Only the cluster and the folder of
// the sockets belong to the account that the server runs as; the rest stays with
// whoever runs Semantik, so that as root nothing of ours is written where an
// unprivileged account could have put a link.
type layout struct {
	dir      string // absolute, symbolic links resolved
	cluster  string // what PostgreSQL calls its data directory
	sockets  string
	password string
	settings string
	log      string
	lock     string
	cache    string // unpacked binaries, where the account has no home for them
}

// The modes of files of ours.
const (
	ownerOnly      fs.FileMode = 0o600
	everybodyReads fs.FileMode = 0o644
)

func layoutOf(dir string) layout {
	in := func(name string) string { return filepath.Join(dir, name) }
	return layout{
		dir:      dir,
		cluster:  in("postgres"),
		sockets:  in("run"),
		password: in("postgres.password"),
		settings: in("semantik.conf"),
		log:      in("postgres.log"),
		lock:     in("postgres.lock"),
		cache:    in("cache"),
	}
}

// openLayout makes the data directory where it is missing.
func openLayout(dir string) (layout, error) {
	if dir == "" {
		var err error
		if dir, err = DefaultDataDir(); err != nil {
			return layout{}, err
		}
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return layout{}, fmt.Errorf("resolving the data directory: %w", err)
	}
	if err := makeDataDir(dir); err != nil {
		return layout{}, ErrDataDirectory.WithMessagef(
			"The data directory %s cannot be made. Choose another one with SEMANTIK_DATA.", dir).WithCause(err)
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return layout{}, fmt.Errorf("resolving the data directory: %w", err)
	}
	return layoutOf(dir), nil
}

// makeDataDir lets the unprivileged account of the server pass through the
// directory when root makes or finds it: pass, not list, and each file within
// has its own mode. The directory is Semantik's; its parents are not touched.
func makeDataDir(dir string) error {
	if os.Geteuid() != 0 {
		return os.MkdirAll(dir, 0o700)
	}
	if err := makeOpenDir(dir, 0o711); err != nil {
		return err
	}
	info, err := os.Stat(dir)
	if err != nil {
		return err
	}
	const pass = 0o011
	if mode := info.Mode().Perm(); mode&pass != pass {
		return os.Chmod(dir, mode|pass)
	}
	return nil
}

// makeOpenDir is os.MkdirAll for folders that other accounts must be able to
// enter, whatever the umask says. What is there already keeps its mode.
func makeOpenDir(dir string, mode fs.FileMode) error {
	info, err := os.Stat(dir)
	if err == nil {
		if !info.IsDir() {
			return fmt.Errorf("%s is not a folder", dir)
		}
		return nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if parent := filepath.Dir(dir); parent != dir {
		if err := makeOpenDir(parent, 0o755); err != nil {
			return err
		}
	}
	if err := os.Mkdir(dir, mode); err != nil {
		if errors.Is(err, fs.ErrExist) {
			_, err = os.Stat(dir) // another process was quicker
		}
		return err
	}
	return os.Chmod(dir, mode)
}

// hasCluster reports whether PostgreSQL's files are there. A folder that is
// missing or empty has none; one that holds anything else is not ours to touch.
func (l layout) hasCluster() (bool, error) {
	entries, err := os.ReadDir(l.cluster)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, ErrDataDirectory.WithMessagef("The data directory %s cannot be read.", l.cluster).WithCause(err)
	}
	for _, e := range entries {
		if e.Name() == "PG_VERSION" {
			return true, nil
		}
	}
	if len(entries) > 0 {
		return false, ErrDataDirectory.WithMessagef(
			"%s holds files, but is no PostgreSQL data directory (it has no PG_VERSION). Nothing was changed. "+
				"Move them away, or choose another directory with SEMANTIK_DATA.", l.cluster)
	}
	return false, nil
}

// DefaultDataDir is where the data lies when nobody says otherwise:
// /var/lib/semantik for root, whose home is closed to the account that the
// server runs as, and the platform's data folder for anybody else. It is an
// error when the account has no home.
func DefaultDataDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/lib/semantik", nil
	}
	if dir := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "semantik"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", ErrDataDirectory.WithMessagef(
			"There is no home directory to keep data in. Name a data directory with SEMANTIK_DATA.").WithCause(err)
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "semantik"), nil
	}
	return filepath.Join(home, ".local", "share", "semantik"), nil
}

// DefaultCacheDir is where unpacked binaries lie when nobody says otherwise:
// /var/cache/semantik for root, so that the account which the server runs as can
// read them, and the platform's cache folder for anybody else. It is an error
// when the account has no home.
func DefaultCacheDir() (string, error) {
	if os.Geteuid() == 0 {
		return "/var/cache/semantik", nil
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the cache folder: %w", err)
	}
	return filepath.Join(dir, "semantik"), nil
}
