//go:build linux || darwin

package system

import (
	"fmt"
	"syscall"
)

// readDisk asks the disk that a folder is on.
func readDisk(folder string) (Disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(folder, &s); err != nil {
		return Disk{}, fmt.Errorf("asking the disk: %w", err)
	}
	block := uint64(s.Bsize)
	return Disk{Size: s.Blocks * block, Free: s.Bavail * block}, nil
}
