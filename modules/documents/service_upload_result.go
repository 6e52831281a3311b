package documents

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/google/uuid"

	"semantik/platform/apperr"
)

const (
	// MaxAnswerMetadata bounds the metadata that the results of one upload have together,
	// in bytes: what is sent once would be answered with each file.
	MaxAnswerMetadata = 8 << 20
	// MaxAnswerNames bounds the paths and messages that they have together, in bytes as
	// JSON: ten thousand of 800.
	MaxAnswerNames = 8 << 20
)

// Result is what became of one file.
type Result struct {
	Outcome Outcome
	// Document is the new document, or the one that is there already; its zero
	// value when the file failed.
	Document Document
	// MetadataOmitted means that the document has metadata which are not in Document,
	// because the results have [MaxAnswerMetadata] without them.
	MetadataOmitted bool
	// Path is the file's path as it is stored.
	Path string
	// Err is why a file failed.
	Err error
}

// progress is how far an upload has come. It is in memory until the end, and so bounded.
type progress struct {
	results   []Result
	operation *uuid.UUID
	taken     int
	// paths are those to which this upload has brought a content, with its hash.
	paths map[string]string
	// metadata and names are how many bytes of them the results have.
	metadata, names int
}

// roomFor tells whether the result of a file with the path can be held.
func (p *progress) roomFor(path string) bool {
	return p.names+jsonBytes(path) <= MaxAnswerNames
}

// brought tells whether an earlier file brought another content to the path.
func (p *progress) brought(path, hash string) bool {
	before, brought := p.paths[path]
	return brought && before != hash
}

// add notes what became of a file.
func (p *progress) add(r Result, operation *uuid.UUID) {
	if operation != nil {
		p.operation = operation
	}
	p.names += jsonBytes(r.Path)
	if r.Err == nil {
		p.taken++
		if r.Document.FilePath == r.Path {
			p.paths[r.Path] = r.Document.ContentHash
		} else {
			p.names += jsonBytes(r.Document.FilePath)
		}
		if r.Document.ErrorMessage != nil {
			p.names += jsonBytes(*r.Document.ErrorMessage)
		}
	}
	if p.metadata+len(r.Document.Meta) > MaxAnswerMetadata {
		r.Document.Meta, r.MetadataOmitted = nil, true
	}
	p.metadata += len(r.Document.Meta)
	p.results = append(p.results, r)
}

// endedBy adds to what ends an upload in its middle how far it has come: the files before
// are stored, and whoever sends it must know. What says that there is nothing here for
// the caller, or that they are nobody, says no more than that.
func (p *progress) endedBy(err error) error {
	e, ours := errors.AsType[*apperr.Error](err)
	if !ours || len(p.results) == 0 {
		return err
	}
	switch e.Kind {
	case apperr.NotFound, apperr.Forbidden, apperr.Unauthenticated, apperr.Internal:
		return err
	default:
	}
	told := e.WithMessagef("%s Files of this upload that were taken before, and are kept: %d of %d.", e.Message, p.taken, len(p.results)).
		WithDetail("files_before", len(p.results)).WithDetail("files_taken", p.taken)
	if p.operation != nil {
		told = told.WithDetail("operation_id", p.operation.String())
	}
	return fmt.Errorf("ending an upload after %d files: %w", len(p.results), told)
}

// jsonBytes is how many bytes a text has as JSON, at most.
func jsonBytes(text string) int {
	n := len(text)
	for _, r := range text {
		if r < ' ' || r == '"' || r == '\\' || r == utf8.RuneError {
			n += len(`\u0000`) - 1
		}
	}
	return n
}
