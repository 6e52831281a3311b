package web

import (
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"mime/multipart"
)

// partsDigest digests the parts of a body as they are read: of each its name, its
// file, its type, its length and the digest of its content. What separates them is
// left out.
type partsDigest struct {
	whole   io.Writer
	current *Part // nil between two parts
	content hash.Hash
	size    int64
}

// Digest has w told of every part from now on, whether it is read or passed over: two
// bodies with the same parts in the same order tell it the same.
func (p *Parts) Digest(w io.Writer) { p.digest = &partsDigest{whole: w} }

// Discard reads what is left of the body. Its errors are those of [Parts.Next].
func (p *Parts) Discard() error {
	for {
		if _, err := p.Next(); err == io.EOF { //nolint:errorlint // a wrapped io.EOF is an early end
			return nil
		} else if err != nil {
			return err
		}
	}
}

func (d *partsDigest) beginPart(part *multipart.Part) *Part {
	begun := &Part{part: part, content: part}
	if d == nil {
		return begun
	}
	d.current, d.content, d.size = begun, sha256.New(), 0
	begun.content = io.TeeReader(part, d)
	return begun
}

// Write takes the content of the current part.
func (d *partsDigest) Write(data []byte) (int, error) {
	d.size += int64(len(data))
	return d.content.Write(data)
}

// endPart reads what is left of the current part, and tells of it.
func (d *partsDigest) endPart() error {
	if d == nil || d.current == nil {
		return nil
	}
	part := d.current
	if _, err := io.Copy(io.Discard, part); err != nil {
		return err
	}
	d.current = nil
	h := part.part.Header
	_, err := fmt.Fprintf(d.whole, "%q %q %d %x\n", h.Get("Content-Disposition"), h.Get("Content-Type"), d.size, d.content.Sum(nil))
	return err
}
