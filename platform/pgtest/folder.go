package pgtest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"semantik/platform/postgres"
)

const (
	folderPattern = "semantik-test-"
	// memoryFolder is a file system in memory, on Linux.
	memoryFolder = "/dev/shm"
	// memoryNeeded is how much must be free there: hundreds of clones of the
	// template, 20 MB each, come and go.
	memoryNeeded = 4 << 30
	// abandonedAfter is longer than any run of tests.
	abandonedAfter = 12 * time.Hour
)

// NewFolder makes a folder for a server, which its account may pass through: in memory where there is enough of it,
// since making and dropping databases is mostly creating and deleting files, and
// the tests are several times faster there.
func NewFolder(ctx context.Context) (string, error) {
	parent := os.TempDir()
	var fs unix.Statfs_t
	if err := unix.Statfs(memoryFolder, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > memoryNeeded {
		parent = memoryFolder
	}
	sweep(ctx, parent)
	dir, err := os.MkdirTemp(parent, folderPattern)
	if err != nil {
		return "", fmt.Errorf("making a folder for the test server: %w", err)
	}
	// The server may run under another account than this program.
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", fmt.Errorf("opening the folder of the test server: %w", err)
	}
	return dir, nil
}

// sweep removes what runs that were killed have left: it would hold memory.
// What cannot be removed belongs to somebody else.
func sweep(ctx context.Context, parent string) {
	left, err := filepath.Glob(filepath.Join(parent, folderPattern+"*"))
	if err != nil {
		return
	}
	for _, dir := range left {
		info, err := os.Lstat(dir)
		if err != nil || !info.IsDir() || time.Since(info.ModTime()) < abandonedAfter {
			continue
		}
		if _, err := postgres.FindRunning(ctx, dir); err != nil {
			_ = os.RemoveAll(dir)
		}
	}
}
