package operations

import (
	"context"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"

	"semantik/modules/chunks"
	"semantik/modules/chunks/split"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/documents/extract"
)

// process makes chunks of one document. Reading, extracting and cutting happen
// outside of any transaction; the chunks come in one, in place of those of an
// older content, so that a reader sees the old ones or the new.
func (a *appendWork) process(ctx context.Context, run *Run, d documents.Document) error {
	if d.ChunkedHash != nil && *d.ChunkedHash == d.ContentHash {
		// A large document that was broken off among its search rows.
		return a.buildSearchRows(ctx, run, d, d.ChunkCount)
	}
	content, err := a.documents.ReadContent(ctx, run.Scope, d, documents.Original)
	if err != nil {
		return err
	}
	run.worker.config.Metrics.read(len(content))
	text, cuts, err := prepare(ctx, run.Scope.Collection(), d, content)
	if err != nil {
		return err
	}
	if len(cuts) <= chunks.SearchSlice {
		return a.loadSmall(ctx, run, d, text, cuts)
	}
	if err := a.loadLarge(ctx, run, d, text, cuts); err != nil {
		return err
	}
	return a.buildSearchRows(ctx, run, d, int64(len(cuts)))
}

// loadSmall does all of a document in one transaction.
func (a *appendWork) loadSmall(ctx context.Context, run *Run, d documents.Document, text extract.Result, cuts []split.Chunk) error {
	total := int64(len(cuts))
	err := a.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
		more := Progress{Done: 1, Chunks: total, Message: d.FilePath}
		counts, err := a.replaceChunks(ctx, run, d, text, cuts)
		if err != nil {
			return counts, more, err
		}
		made, err := a.chunks.BuildSearchRows(ctx, run.Scope, d.ID, 0, total)
		if err != nil {
			return counts, more, err
		}
		counts.Vectors += made
		// Late, because it locks the document's row, and whoever has a new content
		// for it should not have to wait for the old one's.
		return counts, more, a.documents.Complete(ctx, run.Scope, d, total, &text.MIMEType)
	})
	if err == nil {
		run.extracted(d, total)
	}
	return err
}

// loadLarge loads a document's chunks; their search rows follow.
func (a *appendWork) loadLarge(ctx context.Context, run *Run, d documents.Document, text extract.Result, cuts []split.Chunk) error {
	total := int64(len(cuts))
	err := a.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
		more := Progress{Message: d.FilePath}
		counts, err := a.replaceChunks(ctx, run, d, text, cuts)
		if err != nil {
			return counts, more, err
		}
		return counts, more, a.documents.NoteChunks(ctx, run.Scope, d, total, &text.MIMEType)
	})
	if err == nil {
		run.extracted(d, total)
	}
	return err
}

// buildSearchRows makes the search rows of a large document, a slice a
// transaction, from where they end, and marks the document as completed with the
// last.
func (a *appendWork) buildSearchRows(ctx context.Context, run *Run, d documents.Document, total int64) error {
	from, err := a.chunks.CountSearchRows(ctx, run.Scope, d.ID)
	if err != nil {
		return err
	}
	for done := false; !done; from += chunks.SearchSlice {
		to := min(from+chunks.SearchSlice, total)
		done = to == total
		err := a.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
			more := Progress{Message: d.FilePath}
			made, err := a.chunks.BuildSearchRows(ctx, run.Scope, d.ID, from, to)
			if err != nil {
				return collections.Counts{}, more, err
			}
			if !done {
				return collections.Counts{Vectors: made}, more, a.documents.NoteChunks(ctx, run.Scope, d, total, nil)
			}
			more.Done, more.Chunks = 1, total
			return collections.Counts{Vectors: made}, more, a.documents.Complete(ctx, run.Scope, d, total, nil)
		})
		if err != nil {
			return err
		}
		if leaves, err := run.leaves(ctx); leaves || err != nil {
			return err
		}
	}
	return nil
}

// commit is one transaction of a step: what step does, then the collection's
// counters, then the operation's progress, in the order of locks.
func (a *appendWork) commit(ctx context.Context, run *Run, step func(ctx context.Context) (collections.Counts, Progress, error)) error {
	var sum Progress
	err := a.db.InTx(ctx, func(ctx context.Context) error {
		counts, more, err := step(ctx)
		if err != nil {
			return err
		}
		if counts != (collections.Counts{}) {
			if err := a.rows.AddCounts(ctx, run.Scope, counts); err != nil {
				return err
			}
		}
		sum, err = run.Advance(ctx, more, more.Done > 0 || counts.Vectors > 0)
		return err
	})
	if err == nil {
		run.committed(sum)
	}
	return err
}

// sheltered is for a document that may be worse than malformed: a panic is that
// document's failure too, and not the end of the program.
func (a *appendWork) sheltered(ctx context.Context, run *Run, d documents.Document, work func() error) (err error) {
	defer func() {
		if r := recover(); r != nil {
			run.worker.config.Logger.ErrorContext(ctx, "working on a document panicked",
				"document_id", d.ID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("working on the document panicked: %v", r)
		}
	}()
	return work()
}

// prepare extracts a document's text and cuts it as its collection says. A
// content that makes the extraction fail is the document's failure.
func prepare(ctx context.Context, c collections.Collection, d documents.Document, content []byte) (text extract.Result, cuts []split.Chunk, err error) {
	mimeType := ""
	if d.MimeType != nil {
		mimeType = *d.MimeType
	}
	text, err = extract.Extract(ctx, d.FilePath, mimeType, content)
	if err != nil {
		return text, nil, err
	}
	cuts, err = split.Recursive(text.Text, split.Options{Size: c.ChunkSize, Overlap: c.ChunkOverlap})
	return text, cuts, err
}

// replaceChunks loads the document's chunks in place of those it has, stores the
// extracted text where it is not the original itself, and gives the changes to
// the counters.
func (a *appendWork) replaceChunks(ctx context.Context, run *Run, d documents.Document, text extract.Result, cuts []split.Chunk) (collections.Counts, error) {
	oldChunks, oldRows, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
	if err != nil {
		return collections.Counts{}, err
	}
	loaded, err := a.chunks.CreateChunksBulk(ctx, chunks.Batch{Scope: run.Scope, Rows: newChunks(d, cuts)})
	if err != nil {
		return collections.Counts{}, err
	}
	counts := collections.Counts{Chunks: loaded - oldChunks, Vectors: -oldRows}
	if text.Same {
		return counts, nil
	}
	return counts, a.documents.SaveContent(ctx, run.Scope, d.ID, documents.Text, strings.NewReader(text.Text))
}

func newChunks(d documents.Document, cuts []split.Chunk) iter.Seq[chunks.NewChunk] {
	return func(yield func(chunks.NewChunk) bool) {
		for _, c := range cuts {
			start, end := int64(c.Start), int64(c.End)
			if !yield(chunks.NewChunk{
				DocumentID: &d.ID, ChunkIndex: c.Index, Content: c.Content,
				StartOffset: &start, EndOffset: &end, TokenCount: &c.TokenCount,
			}) {
				return
			}
		}
	}
}
