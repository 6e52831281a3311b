package archive

import (
	"errors"
	"syscall"

	"semantik/platform/apperr"
)

// ErrUnwritable means that a file of the archive could not be written.
var ErrUnwritable = apperr.New(apperr.Unavailable, "archive_unwritable",
	"The archive cannot be written, so that nothing more is removed: see to it that ARCHIVE_DIR is a folder that the server may write to, or set it to none to archive nothing.")

// unwritable says what is wrong with the archive, which the cause tells in the log.
func unwritable(err error) error {
	if errors.Is(err, syscall.ENOSPC) {
		return ErrUnwritable.WithMessagef("The disk of the archive is full, so that nothing more is removed: make room where ARCHIVE_DIR is, or set it to another folder, or to none to archive nothing.").WithCause(err)
	}
	return ErrUnwritable.WithCause(err)
}
