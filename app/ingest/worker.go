package ingest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/app/client"
)

// A request brings no more files and bytes than this, unless a single one is
// larger.
const (
	batchFiles = 32
	batchBytes = 4 << 20
)

// batch is what goes into the next request.
type batch struct {
	files []client.File
	paths []string // within the folder
	bytes int64
}

// work uploads files from the channel until it is closed.
func (l *loader) work(ctx context.Context, files <-chan string) error {
	var b batch
	for path := range files {
		if err := l.take(ctx, &b, path); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return l.send(ctx, &b)
}

// take reads a file into the batch, or deals with it at once.
func (l *loader) take(ctx context.Context, b *batch, path string) error {
	if !utf8.ValidString(path) {
		l.fail(path, "its name is not valid UTF-8")
		return nil
	}
	file, err := openFile(l.found.Root, path, l.o.FollowLinks)
	if err != nil {
		l.failToRead(path, err)
		return nil
	}
	defer func() { _ = file.Close() }()
	content, err := readSmall(file)
	switch {
	case err != nil:
		l.failToRead(path, err)
		return nil
	case content == nil:
		return l.takeLarge(ctx, path, file)
	}
	if l.isKnown(path, func() (string, error) { sum := sha256.Sum256(content); return hex.EncodeToString(sum[:]), nil }) {
		return nil
	}
	if len(b.files) == batchFiles || (len(b.files) > 0 && b.bytes+int64(len(content)) > batchBytes) {
		if err := l.send(ctx, b); err != nil {
			return err
		}
	}
	b.paths = append(b.paths, path)
	b.files = append(b.files, client.File{Path: l.prefix + path, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(content)), nil
	}})
	b.bytes += int64(len(content))
	return nil
}

// takeLarge sends a large file in a request of its own, from the disk.
func (l *loader) takeLarge(ctx context.Context, path string, file *os.File) error {
	var failed error
	known := l.isKnown(path, func() (string, error) {
		var hash string
		hash, failed = hashOf(ctx, file)
		return hash, failed
	})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if failed != nil {
		l.failToRead(path, failed)
		return nil //nolint:nilerr // it is the file that has failed, not the load
	}
	if known {
		return nil
	}
	var size int64 // for the report alone
	if info, err := file.Stat(); err == nil {
		size = info.Size()
	}
	// Its length is not announced, since it may change while it is read: what is
	// read is the content.
	return l.send(ctx, &batch{paths: []string{path}, bytes: size, files: []client.File{{
		Path: l.prefix + path, Size: -1, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(&fileReader{file: file}), nil
		},
	}}})
}

// isKnown reports whether the collection has the content, and counts the file
// then. Without anything to compare with, nothing is hashed.
func (l *loader) isKnown(path string, hash func() (string, error)) bool {
	if len(l.known.paths) == 0 {
		return false
	}
	sum, err := hash()
	if err != nil {
		return false
	}
	document, known := l.known.has(l.prefix+path, sum)
	if known {
		l.tally.stands(document, path)
		l.tally.update(func(r *Report) { r.Present++ })
		l.o.Progress.Add(1)
	}
	return known
}

func hashOf(ctx context.Context, file *os.File) (string, error) {
	hash := sha256.New()
	buffer := make([]byte, 256<<10)
	for {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		n, err := file.Read(buffer)
		_, _ = hash.Write(buffer[:n])
		if errors.Is(err, io.EOF) {
			return hex.EncodeToString(hash.Sum(nil)), nil
		}
		if err != nil {
			return "", err
		}
	}
}

// send uploads the batch and empties it.
func (l *loader) send(ctx context.Context, b *batch) error {
	sent := *b
	*b = batch{}
	if len(sent.files) == 0 {
		return nil
	}
	uploaded, operation, err := l.o.Client.Upload(ctx, l.o.Collection.ID, sourceOf(l.found.Root), sent.files)
	if err != nil {
		return l.refused(ctx, sent, err)
	}
	l.tally.working(operation)
	l.tally.update(func(r *Report) { r.Bytes += sent.bytes })
	for i, u := range uploaded {
		l.count(sent.paths[i], u)
	}
	return nil
}

// refused deals with a request of which nothing was taken. When that is because
// of its files, each is sent by itself, for its own reason.
func (l *loader) refused(ctx context.Context, b batch, err error) error {
	var file *fileError
	if errors.As(err, &file) && len(b.paths) == 1 {
		l.failToRead(b.paths[0], file.err)
		return nil
	}
	var p *client.Problem
	if !errors.As(err, &p) || !aboutFile(p) {
		return err
	}
	if len(b.paths) == 1 {
		l.fail(b.paths[0], reasonFor(p))
		return nil
	}
	for i := range b.paths {
		if err := l.send(ctx, &batch{paths: b.paths[i : i+1], files: b.files[i : i+1], bytes: max(0, b.files[i].Size)}); err != nil {
			return err
		}
	}
	return nil
}

// aboutFile tells what the server says about a file from what it says about the
// user, the collection or itself.
func aboutFile(p *client.Problem) bool {
	switch p.Status {
	case http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity, http.StatusUnsupportedMediaType:
		return true
	default:
		return false
	}
}

func reasonFor(p *client.Problem) string {
	if len(p.Fields) > 0 {
		return p.Fields[0].Message
	}
	return p.Detail
}

// count notes what became of an uploaded file.
func (l *loader) count(path string, u client.Uploaded) {
	if u.Outcome == client.Failed {
		reason := "was refused"
		if u.Error != nil {
			reason = u.Error.Detail
		}
		l.fail(path, reason)
		return
	}
	l.tally.stands(u.FilePath, path)
	outcome := l.outcome(path, u)
	l.tally.update(func(r *Report) {
		switch outcome {
		case client.Created:
			r.Uploaded++
		case client.Replaced:
			r.Replaced++
		default:
			r.Present++
		}
	})
	l.o.Progress.Add(1)
}

// outcome is what became of a file for the report. A request that broke off may have
// stored it, and it is a duplicate of itself when it is sent again: then it counts as
// what it was at first.
func (l *loader) outcome(path string, u client.Uploaded) string {
	document := l.prefix + path
	mine := norm.NFC.String(strings.ReplaceAll(document, `\`, "/")) // as the server keeps it
	if u.Outcome != client.Duplicate || !u.Repeated || u.FilePath != mine || u.CreatedAt.Before(l.began) {
		return u.Outcome
	}
	if _, placed := l.known.hashes[document]; placed {
		return client.Replaced
	}
	return client.Created
}

func (l *loader) fail(path, reason string) {
	l.tally.update(func(r *Report) { r.Failed = append(r.Failed, Entry{path, reason}) })
	l.o.Progress.Add(1)
}

// failToRead notes a file that cannot be read; one that is not there any more is
// left out.
func (l *loader) failToRead(path string, err error) {
	if failed, ok := errors.AsType[*fileError](err); ok {
		err = failed.err
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		l.tally.update(func(r *Report) { r.Skipped = append(r.Skipped, Entry{path, ReasonVanished}) })
		l.o.Progress.Add(1)
	case errors.Is(err, errNoFile):
		l.tally.update(func(r *Report) { r.Skipped = append(r.Skipped, Entry{path, ReasonSpecial}) })
		l.o.Progress.Add(1)
	default:
		l.fail(path, (&fileError{err}).Error())
	}
}
