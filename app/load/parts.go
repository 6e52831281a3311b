package load

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

const (
	// partBytes and partLines are how much a part has at the most, unless a single line
	// is longer. A change of either is another way of cutting: see recordVersion.
	partBytes = 8 << 20
	partLines = 20_000
	// maxLine is the longest line that the server takes, in bytes.
	maxLine = 16 << 20
)

// part is some lines of the file.
type part struct {
	// number counts from 0.
	number int
	// first is the number of its first line in the file, from 1.
	first int
	// lines is how many there are, empty ones included.
	lines int
	body  []byte
	// read is how much of the file was read when the part was complete, in bytes as
	// they lie on the disk.
	read int64
	// again means that it may have been sent before.
	again bool
}

// LineError is a line that is not sent at all.
type LineError struct {
	// Line counts from 1.
	Line    int
	Message string
}

// Error names the line.
func (e *LineError) Error() string { return fmt.Sprintf("line %d %s", e.Line, e.Message) }

// cutter cuts a text of lines into parts.
type cutter struct {
	reader *bufio.Reader
	// position tells how much of the file was read.
	position func() int64
	number   int
	line     int
	// kept is a line that did not fit into the part before.
	kept []byte
}

func newCutter(r io.Reader, position func() int64) *cutter {
	return &cutter{reader: bufio.NewReaderSize(r, 256<<10), position: position}
}

// next gives the next part, and io.EOF after the last. Parts of empty lines alone are
// given too, so that their numbers are always the same.
func (c *cutter) next() (part, error) {
	p := part{number: c.number, first: c.line + 1}
	var body bytes.Buffer
	for p.lines < partLines {
		line := c.kept
		c.kept = nil
		if line == nil {
			var err error
			if line, err = c.readLine(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return part{}, err
			}
		}
		if p.lines > 0 && body.Len()+len(line) > partBytes {
			c.kept = line
			break
		}
		body.Write(line)
		p.lines++
		c.line++
	}
	if p.lines == 0 {
		return part{}, io.EOF
	}
	c.number++
	p.body, p.read = body.Bytes(), c.position()
	return p, nil
}

// readLine reads up to the next line feed, and with it; io.EOF when nothing is left.
func (c *cutter) readLine() ([]byte, error) {
	var line []byte
	for {
		piece, err := c.reader.ReadSlice('\n')
		if len(line)+len(piece) > maxLine+len("\r\n") {
			return nil, &LineError{c.line + 1, fmt.Sprintf("is longer than %d MiB, which no chunk can be", maxLine>>20)}
		}
		line = append(line, piece...)
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF) && len(line) > 0:
			return line, nil
		default:
			return line, err
		}
	}
}
