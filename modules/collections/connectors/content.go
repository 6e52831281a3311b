package connectors

import (
	"errors"
	"io"

	"semantik/platform/apperr"
)

// ErrBroken means that a file could not be read to its end: its disk says so, or it has
// become shorter while it was read.
var ErrBroken = apperr.New(apperr.Unavailable, "source_file_broken", "The file could not be read to its end.")

// Whole reads what [Connector.Open] has opened, and tells by [ErrBroken] what is the
// file's own trouble, so that nobody takes it for that of the place where a copy is
// written. A file that grows is read to its new end.
func Whole(content io.Reader, opened Entry) io.Reader {
	return &whole{content: content, left: opened.Size}
}

// whole is a file that is being read; left is what is still to come of it at least.
type whole struct {
	content io.Reader
	left    int64
}

func (w *whole) Read(p []byte) (int, error) {
	n, err := w.content.Read(p)
	w.left -= int64(n)
	switch {
	case err == nil:
		return n, nil
	case !errors.Is(err, io.EOF):
		return n, ErrBroken.WithCause(err)
	case w.left > 0:
		return n, ErrBroken.WithCause(io.ErrUnexpectedEOF)
	default:
		return n, io.EOF // as it is: io.Reader's callers compare it
	}
}
