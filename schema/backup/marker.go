package backup

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// markerName is the part that is written first. It tells a backup, however much of it is
// there, from whatever else has such a name: nothing is listed, written over or removed
// as a backup that has none.
const markerName = "semantik-backup.txt"

// markerText fits into one block of an archive.
const markerText = "This is a backup of Semantik. It is whole if manifest.json is here;\n" +
	"\"semantik backup verify\" reads it, and \"semantik restore\" brings it back.\n"

// tarBlock is the length of what an archive consists of: the marker's header and its text
// have one each, so that damage of one byte leaves the other.
const tarBlock = 512

// nameFormat names a backup by the moment that it was begun, in UTC.
const nameFormat = "semantik-20060102-150405Z" + archiveSuffix

var generatedName = regexp.MustCompile(`^semantik-\d{8}-\d{6}Z\.tar(\.partial)?$`)

// Name is the name of a backup that is begun at a time and that nobody has named.
func Name(at time.Time) string { return at.UTC().Format(nameFormat) }

// marked reports whether the file begins as an archive of ours.
func marked(file *os.File) (bool, error) {
	head := make([]byte, 2*tarBlock)
	n, err := io.ReadFull(io.NewSectionReader(file, 0, int64(len(head))), head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false, fmt.Errorf("reading the beginning of %s: %w", file.Name(), err)
	}
	head = head[:n]
	return bytes.HasPrefix(head, []byte(markerName+"\x00")) || n > tarBlock && bytes.HasPrefix(head[tarBlock:], []byte(markerText)), nil
}

// begun reports whether what is open, a file or a folder, is a backup of ours that was
// begun. A file of a name that only we give may have been left before its first byte.
func begun(file *os.File) (bool, error) {
	info, err := file.Stat()
	switch {
	case err != nil:
		return false, err
	case info.IsDir():
		_, err := os.Lstat(filepath.Join(file.Name(), markerName))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	case !info.Mode().IsRegular():
		return false, nil
	case info.Size() == 0:
		return generatedName.MatchString(filepath.Base(file.Name())), nil
	}
	return marked(file)
}

// errNotOurs says that what has the name of an unfinished backup is none of ours.
var errNotOurs = errors.New("it is no backup that was broken off")

// hold opens what is unfinished, for as long as it is written or removed: nobody else does
// so meanwhile. The lock ends with the process. made says that the caller has just made
// it; else it is to be a backup that was begun, or empty.
//
// Errors: [ErrBusy], errNotOurs, and that of a path that is not there.
func hold(path string, made bool) (*os.File, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, err
	}
	mode := os.O_RDWR
	switch {
	case info.IsDir():
		mode = os.O_RDONLY
	case !info.Mode().IsRegular():
		return nil, errNotOurs
	}
	file, err := os.OpenFile(path, mode|syscall.O_NOFOLLOW, 0) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	if err := holdOpen(file, info, made); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

func holdOpen(file *os.File, info fs.FileInfo, made bool) error {
	err := lockFile(file)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return ErrBusy
	}
	if err != nil && !made {
		return fmt.Errorf("somebody may be writing it, which this file system does not tell (%w): remove it if nobody is", err)
	}
	// Whoever had it may have given it its name, or removed it, before the lock was ours.
	own, err := file.Stat()
	if err != nil {
		return err
	}
	now, err := os.Lstat(file.Name())
	if err != nil || !os.SameFile(own, now) || !os.SameFile(own, info) {
		return ErrBusy
	}
	if made {
		return nil
	}
	if ours, err := begun(file); ours || err != nil {
		return err
	}
	return empty(file, own)
}

func lockFile(file *os.File) error {
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// empty is errNotOurs unless there is nothing in it.
func empty(file *os.File, info fs.FileInfo) error {
	if !info.IsDir() {
		if info.Size() > 0 {
			return errNotOurs
		}
		return nil
	}
	names, err := file.Readdirnames(1)
	switch {
	case len(names) > 0:
		return errNotOurs
	case errors.Is(err, io.EOF):
		return nil
	default:
		return err
	}
}

// claim takes the name under which a backup is written until it is whole, and gives what
// holds it. begin makes it, and gives [fs.ErrExist] if it is there: left behind by a run
// that was killed, it is ours to write over.
func claim(path string, begin func(partial string) error) (*os.File, error) {
	partial := path + partialSuffix
	err := begin(partial)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("writing the backup: %w", err)
	}
	made := err == nil
	file, err := hold(partial, made)
	switch {
	case errors.Is(err, ErrBusy):
		return nil, fmt.Errorf("%w: %s", ErrBusy, path)
	case errors.Is(err, errNotOurs):
		return nil, fmt.Errorf("%w: %s, which is no backup that was broken off", ErrExists, partial)
	case err != nil:
		return nil, fmt.Errorf("writing the backup to %s: %w", partial, err)
	}
	if err := vacant(path); err != nil { // another may have ended since it was looked at
		if made {
			err = errors.Join(err, os.Remove(partial))
		}
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// vacant is [ErrExists] if something has the name.
func vacant(path string) error {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%w: %s", ErrExists, path)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// isPartial reports whether it has the name of a backup that is not whole.
func isPartial(path string) bool { return strings.HasSuffix(path, partialSuffix) }
