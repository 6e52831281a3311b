//go:build !linux && !darwin

package system

import "errors"

func readDisk(string) (Disk, error) { return Disk{}, errors.ErrUnsupported }
