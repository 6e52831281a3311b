//go:build unix

package doctor

import (
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// diskOf tells how much is free, and how much there is, on the disk of a folder;
// errNotHere where it is not one of this machine's, or not to be looked at.
func diskOf(directory string) (free, total int64, err error) {
	// A server in a container is on this machine and its folder is not.
	if _, err := os.Stat(directory); err != nil || !filepath.IsAbs(directory) {
		return 0, 0, errNotHere
	}
	var s unix.Statfs_t
	if err := unix.Statfs(directory, &s); err != nil {
		return 0, 0, fmt.Errorf("%w: %w", errNotHere, err)
	}
	size := int64(s.Bsize) //nolint:unconvert // its type differs between systems
	return int64(s.Bavail) * size, int64(s.Blocks) * size, nil
}
