package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"unicode/utf8"

	"semantik/platform/apperr"
)

// The errors of reading lines. Each names the line in its message and as the
// member "line".
var (
	ErrLineTooLong = apperr.New(apperr.TooLarge, "line_too_long", "A line is too long.")
	ErrLineNotUTF8 = apperr.New(apperr.Invalid, "line_not_utf8", "A line is not valid UTF-8.")
)

// Lines reads a body of one JSON value a line, in constant memory.
type Lines struct {
	reader *bufio.Reader
	limit  int
	number int
	line   []byte
}

// NewLines reads lines of at most limit bytes.
func NewLines(r io.Reader, limit int) *Lines {
	return &Lines{reader: bufio.NewReaderSize(r, 64<<10), limit: limit}
}

// Next gives the next line that is not blank, without its end, and its number in
// the body, from 1. The line is valid until the next call. At the end the error is
// io.EOF; others are [ErrLineTooLong], [ErrLineNotUTF8] and those of the reader.
func (l *Lines) Next() (line []byte, number int, err error) {
	for {
		l.number++
		err := l.read()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, l.number, err
		}
		if l.number == 1 {
			l.line = bytes.TrimPrefix(l.line, []byte("\xef\xbb\xbf"))
		}
		if len(bytes.TrimRight(l.line, "\r\n")) > l.limit {
			return nil, l.number, l.tooLong()
		}
		if line := bytes.TrimSpace(l.line); len(line) > 0 {
			if !utf8.Valid(line) {
				return nil, l.number, ErrLineNotUTF8.WithMessagef("Line %d is not valid UTF-8.", l.number).WithDetail("line", l.number)
			}
			return line, l.number, nil
		}
		if err != nil {
			return nil, l.number, io.EOF
		}
	}
}

// read fills l.line up to the next line feed; with io.EOF it is the last one.
func (l *Lines) read() error {
	l.line = l.line[:0]
	for {
		piece, err := l.reader.ReadSlice('\n')
		if len(l.line)+len(piece) > l.limit+len("\r\n") {
			return l.tooLong()
		}
		l.line = append(l.line, piece...)
		if !errors.Is(err, bufio.ErrBufferFull) {
			return err
		}
	}
}

func (l *Lines) tooLong() error {
	return ErrLineTooLong.WithMessagef("Line %d is longer than %s.", l.number, bytesText(int64(l.limit))).WithDetail("line", l.number)
}
