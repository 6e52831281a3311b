package preview

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
)

const (
	// headBytes is how much of a file its type is told by.
	headBytes = 4096
	// copyBytes is how much is read at a time; between two reads it is seen whether the
	// caller has gone.
	copyBytes = 256 << 10
)

// errSpent means that the file is more than may still be read.
var errSpent = errors.New("the bytes that may be read are spent")

// hash reads the files for their hashes, as far as time and bytes go.
func (p *preview) hash(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, p.service.config.HashTimeout, errCut)
	defer cancel()
	left := p.service.config.MaxBytes
	buffer := make([]byte, copyBytes)
	unread, skipped := 0, 0
	for i := range p.result.Files {
		f := &p.result.Files[i]
		err := p.hashOne(limited, f, &left, buffer)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("reading the files of a preview: %w", context.Cause(ctx))
		case errors.Is(err, errCut):
			p.result.warnf("There was no time to read the files from %q on, %d of the %d listed: their content_hash is empty.",
				f.Path, len(p.result.Files)-i, len(p.result.Files))
			return nil
		case errors.Is(err, errSpent):
			skipped++ // a smaller one may still be read
		case err != nil:
			if unread++; unread <= maxUnreadNamed {
				p.result.warnf("%s: %s", f.Path, apperr.From(err).Message)
			}
		default:
			p.progress.Hashed++
			p.tell(ctx)
		}
	}
	if skipped > 0 {
		p.result.warnf("%d of the %d files listed were not read, for a preview reads %d bytes in all: their content_hash is empty.",
			skipped, len(p.result.Files), p.service.config.MaxBytes)
	}
	if unread > maxUnreadNamed {
		p.result.warnf("%d more files could not be read.", unread-maxUnreadNamed)
	}
	return nil
}

// maxUnreadNamed is how many files are named that could not be read.
const maxUnreadNamed = 20

// hashOne reads a file. The entry becomes what was read.
func (p *preview) hashOne(ctx context.Context, f *File, left *int64, buffer []byte) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if f.Size > *left {
		return errSpent
	}
	content, entry, err := p.connector.Open(ctx, p.source, f.Path)
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }()
	whole, sum := connectors.Whole(content, entry), sha256.New()
	var head []byte
	size := int64(0)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := whole.Read(buffer)
		size += int64(n)
		if *left -= int64(n); *left < 0 { // it grows while it is read
			*left = 0
			return errSpent
		}
		if len(head) < headBytes {
			head = append(head, buffer[:min(n, headBytes-len(head))]...)
		}
		_, _ = sum.Write(buffer[:n]) // a hash takes everything
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	p.result.TotalSize += size - f.Size
	entry.Size = size
	f.Entry, f.Hash, f.MIMEType = entry, hex.EncodeToString(sum.Sum(nil)), p.service.typeOf(f.Path, head)
	return nil
}
