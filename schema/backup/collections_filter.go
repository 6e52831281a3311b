package backup

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// picker picks rows by the value of a column.
type picker struct {
	column int
	values map[string]bool // as PostgreSQL sends them
}

// pick makes a picker for a column of the table.
func pick(t Table, column string, values map[string]bool) (picker, error) {
	i := slices.Index(t.Columns, column)
	if i < 0 {
		return picker{}, fmt.Errorf("%w: %s has no column %s", ErrDamaged, t, column)
	}
	return picker{column: i, values: values}, nil
}

func (p picker) picks(row []byte) bool { return p.values[string(field(row, p.column))] }

// field gives a field of a row; nil is null. The splitter has seen that the row is whole.
func field(row []byte, n int) []byte {
	at := 2
	for i := 0; ; i++ {
		if at+4 > len(row) {
			return nil
		}
		length := int(int32(binary.BigEndian.Uint32(row[at:])))
		at += 4
		if i == n {
			if length < 0 {
				return nil
			}
			return row[at : at+length]
		}
		at += max(0, length)
	}
}

// pickedRows reads those rows of a table that are picked, in PostgreSQL's copy format. To
// read them to the end is to read the whole table, so that its checksum is compared.
type pickedRows struct {
	rows     io.ReadCloser
	splitter rowSplitter
	buffer   []byte // of the reading
	out      bytes.Buffer
	ended    bool
	each     func(row []byte) // hears of the picked ones; nil: nobody
}

func (b *Backup) picked(t Table, p picker, each func(row []byte)) (*pickedRows, error) {
	rows, err := b.rows(t)
	if err != nil {
		return nil, err
	}
	r := &pickedRows{rows: rows, buffer: make([]byte, 256<<10), each: each}
	r.out.Write(copySignature)
	r.splitter.each = func(row []byte) error {
		if p.picks(row) {
			r.out.Write(row)
			if r.each != nil {
				r.each(row)
			}
		}
		return nil
	}
	return r, nil
}

func (r *pickedRows) Read(p []byte) (int, error) {
	for r.out.Len() == 0 {
		if r.ended {
			return 0, io.EOF
		}
		n, err := r.rows.Read(r.buffer)
		if n > 0 {
			if _, err := r.splitter.Write(r.buffer[:n]); err != nil {
				return 0, err
			}
		}
		if errors.Is(err, io.EOF) {
			r.ended = true
			r.out.Write(copyTrailer)
		} else if err != nil {
			return 0, err
		}
	}
	return r.out.Read(p)
}

func (r *pickedRows) Close() error { return r.rows.Close() }

// collect reads one column of the rows that are picked.
func (b *Backup) collect(ctx context.Context, t Table, p picker, column string) (values map[string]bool, err error) {
	i := slices.Index(t.Columns, column)
	if i < 0 {
		return nil, fmt.Errorf("%w: %s has no column %s", ErrDamaged, t, column)
	}
	values = map[string]bool{}
	rows, err := b.picked(t, p, func(row []byte) { values[string(field(row, i))] = true })
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	_, err = io.Copy(io.Discard, &boundedReader{from: rows, each: func(int64) {}, ctx: ctx})
	return values, err
}
