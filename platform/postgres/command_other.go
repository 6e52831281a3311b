//go:build !linux

package postgres

import "syscall"

// dieWithParent does nothing where the kernel has no such signal: a server that
// outlives us is found and ended at the next start.
func dieWithParent(*syscall.SysProcAttr, syscall.Signal) {}

// syncDisks asks that what was written goes to the disks.
func syncDisks() { _ = syscall.Sync() }
