package postgres

import "syscall"

// dieWithParent has the kernel send the signal when the thread that started the
// process ends, which a kill -9 of ours makes it do.
func dieWithParent(attr *syscall.SysProcAttr, sig syscall.Signal) { attr.Pdeathsig = sig }

// syncDisks waits until what was written is on the disks.
func syncDisks() { syscall.Sync() }
