package client

import "sync/atomic"

// atomicError holds the first error of a reader that another goroutine reads.
type atomicError struct{ value atomic.Pointer[error] }

func (a *atomicError) store(err error) { a.value.CompareAndSwap(nil, &err) }

func (a *atomicError) load() error {
	if p := a.value.Load(); p != nil {
		return *p
	}
	return nil
}
