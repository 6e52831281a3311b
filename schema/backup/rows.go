package backup

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// copySignature begins a binary COPY; flags and the length of an extension follow, both
// zero as long as PostgreSQL knows neither (its documentation, COPY, "Binary Format").
var copySignature = []byte("PGCOPY\n\xff\r\n\x00\x00\x00\x00\x00\x00\x00\x00\x00")

// copyTrailer ends one: a row with -1 fields.
var copyTrailer = []byte{0xff, 0xff}

// maxRowBytes is longer than PostgreSQL makes any row that it sends: one message of its
// protocol.
const maxRowBytes = 1 << 30

var (
	errNotCopy   = errors.New("this is not PostgreSQL's binary copy format")
	errCopyShort = errors.New("the rows end in the middle")
)

// rowSplitter takes a binary COPY in pieces of any length and hands out its rows. A row
// is valid until the next one.
type rowSplitter struct {
	each func(row []byte) error

	rest    []byte // of what was written, what is not yet a whole row
	started bool
	ended   bool
}

// Write takes the next piece. An error of each ends it.
func (r *rowSplitter) Write(piece []byte) (int, error) {
	data := piece
	if len(r.rest) > 0 {
		r.rest = append(r.rest, piece...)
		data = r.rest
	}
	used, err := r.take(data)
	if err != nil {
		return 0, err
	}
	if len(data)-used > maxRowBytes {
		return 0, fmt.Errorf("a row has more than %d bytes: %w", maxRowBytes, errNotCopy)
	}
	r.rest = append(r.rest[:0], data[used:]...)
	return len(piece), nil
}

// take hands out the rows that are whole and says how many bytes they, and what
// surrounds them, have.
func (r *rowSplitter) take(data []byte) (int, error) {
	used := 0
	if !r.started {
		if len(data) < len(copySignature) {
			return 0, nil
		}
		if !bytes.HasPrefix(data, copySignature) {
			return 0, errNotCopy
		}
		r.started, used = true, len(copySignature)
	}
	for {
		length, err := rowLength(data[used:])
		if err != nil || length == 0 {
			return used, err
		}
		row := data[used : used+length]
		if r.ended {
			return used, fmt.Errorf("something follows the end of the rows: %w", errNotCopy)
		}
		used += length
		if bytes.Equal(row, copyTrailer) {
			r.ended = true
			continue
		}
		if err := r.each(row); err != nil {
			return used, err
		}
	}
}

// end reports whether all the rows were there.
func (r *rowSplitter) end() error {
	if !r.ended || len(r.rest) > 0 {
		return errCopyShort
	}
	return nil
}

// rowLength is the length of the row that data begins with, and 0 when it is not there
// as a whole.
func rowLength(data []byte) (int, error) {
	if len(data) < 2 {
		return 0, nil
	}
	fields := int(int16(binary.BigEndian.Uint16(data))) // the format says that it is signed
	at := 2
	if fields < -1 {
		return 0, fmt.Errorf("a row has %d fields: %w", fields, errNotCopy)
	}
	for range max(0, fields) {
		if len(data) < at+4 {
			return 0, nil
		}
		length := int(int32(binary.BigEndian.Uint32(data[at:])))
		if length < -1 || length > maxRowBytes {
			return 0, fmt.Errorf("a field has %d bytes: %w", length, errNotCopy)
		}
		at += 4 + max(0, length)
		if len(data) < at {
			return 0, nil
		}
	}
	return at, nil
}
