package postgres

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// fileLock is a lock that the kernel releases when its holder ends, however it
// ends. The file stays: removing it would let two processes lock two files.
type fileLock struct{ file *os.File }

// lockInstance takes the data directory for this process. [ErrInUse] names the
// process that has it.
func lockInstance(ctx context.Context, l layout) (*fileLock, error) {
	lock, err := tryLock(l.lock)
	if err != nil {
		return nil, fmt.Errorf("locking the data directory: %w", err)
	}
	if lock == nil {
		return nil, ErrInUse.WithMessagef(
			"The data directory %s is in use by another Semantik (process %s). "+
				"Stop that one, or choose another directory with SEMANTIK_DATA.", l.dir, holderOf(ctx, l.lock))
	}
	err = lock.file.Truncate(0)
	if err == nil {
		_, err = lock.file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		lock.release()
		return nil, fmt.Errorf("writing the lock of the data directory: %w", err)
	}
	return lock, nil
}

// tryLock gives nil and no error when another process holds the lock.
func tryLock(path string) (*fileLock, error) {
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err = syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			break
		}
	}
	if err != nil {
		_ = file.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, nil
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return &fileLock{file: file}, nil
}

// waitLock waits until the lock is free or the context ends.
func waitLock(ctx context.Context, path string) (*fileLock, error) {
	for {
		lock, err := tryLock(path)
		if lock != nil || err != nil {
			return lock, err
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return nil, fmt.Errorf("waiting for another process that holds %s: %w", path, err)
		}
	}
}

// release unlocks before it closes: a process that is being started at this
// moment still has a copy of the descriptor and would keep the lock.
func (l *fileLock) release() {
	_ = l.file.Truncate(0)
	_ = syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN)
	_ = l.file.Close()
}

// holderOf reads the process id in a lock file. Its holder may have just taken
// it and not written yet, so a moment is given.
func holderOf(ctx context.Context, path string) string {
	for range 20 {
		if b, err := os.ReadFile(path); err == nil {
			if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
				return strconv.Itoa(pid)
			}
		}
		if pause(ctx, 10*time.Millisecond) != nil {
			break
		}
	}
	return "unknown"
}

// pause waits, or gives the context's error.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
