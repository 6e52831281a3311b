package operations

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime/debug"
	"strings"

	"semantik/modules/chunks"
	"semantik/modules/chunks/split"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/documents/extract"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// process makes chunks of one document. Reading, extracting and cutting happen
// outside of any transaction; the chunks come in one, in place of those of an
// older content, so that a reader sees the old ones or the new.
func (a *appendWork) process(ctx context.Context, run *Run, d documents.Document) error {
	content, err := a.documents.ReadContent(ctx, run.Scope, d, documents.Original)
	if err != nil {
		return err
	}
	text, cuts, err := prepare(ctx, run.Scope.Collection(), d, content)
	if err != nil {
		return err
	}
	small := len(cuts) <= chunks.SearchSlice
	var sum Progress
	err = a.db.InTx(ctx, func(ctx context.Context) error {
		more := Progress{Chunks: int64(len(cuts)), Message: d.FilePath}
		counts, err := a.replaceChunks(ctx, run, d, cuts)
		if err != nil {
			return err
		}
		if err := a.saveText(ctx, run, d, text); err != nil {
			return err
		}
		if small {
			if counts.Vectors, err = a.finishDocument(ctx, run, d, text, counts, int64(len(cuts))); err != nil {
				return err
			}
			more.Done = 1
		}
		sum, err = a.close(ctx, run, counts, more)
		return err
	})
	if err != nil {
		return err
	}
	run.committed(sum)
	if small {
		return nil
	}
	return a.buildSearchRows(ctx, run, d, text, int64(len(cuts)))
}

// guarded is process for a document that may be worse than malformed: a panic is
// that document's failure too, and not the end of the program.
func (a *appendWork) guarded(ctx context.Context, run *Run, d documents.Document) (err error) {
	defer func() {
		if r := recover(); r != nil {
			run.worker.config.Logger.ErrorContext(ctx, "working on a document panicked",
				"document_id", d.ID, "panic", r, "stack", string(debug.Stack()))
			err = fmt.Errorf("working on the document panicked: %v", r)
		}
	}()
	return a.process(ctx, run, d)
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

// replaceChunks loads the document's chunks in place of those it has, and gives
// the changes to the counters.
func (a *appendWork) replaceChunks(ctx context.Context, run *Run, d documents.Document, cuts []split.Chunk) (collections.Counts, error) {
	oldChunks, oldRows, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
	if err != nil {
		return collections.Counts{}, err
	}
	loaded, err := a.chunks.CreateChunksBulk(ctx, run.Scope, newChunks(d, cuts))
	if err != nil {
		return collections.Counts{}, err
	}
	return collections.Counts{Chunks: loaded - oldChunks, Vectors: -oldRows}, nil
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

// saveText stores the extracted text where it is not the original itself.
func (a *appendWork) saveText(ctx context.Context, run *Run, d documents.Document, text extract.Result) error {
	if text.Same {
		return nil
	}
	return a.documents.SaveContent(ctx, run.Scope, d.ID, documents.Text, strings.NewReader(text.Text))
}

// finishDocument makes the search rows of a document that is small enough for one
// transaction, and marks it as completed. It gives the change to the number of
// chunks that a search can find.
func (a *appendWork) finishDocument(ctx context.Context, run *Run, d documents.Document, text extract.Result, counts collections.Counts, total int64) (int64, error) {
	made, err := a.chunks.BuildSearchRows(ctx, run.Scope, d.ID, chunks.SearchSlice)
	if err != nil {
		return 0, err
	}
	return counts.Vectors + made, a.documents.Complete(ctx, run.Scope, d, total, text.MIMEType)
}

// buildSearchRows makes the search rows of a large document, a slice a
// transaction, and marks the document as completed with the last.
func (a *appendWork) buildSearchRows(ctx context.Context, run *Run, d documents.Document, text extract.Result, total int64) error {
	for done := false; !done; {
		var sum Progress
		err := a.db.InTx(ctx, func(ctx context.Context) error {
			more := Progress{Message: d.FilePath}
			made, err := a.chunks.BuildSearchRows(ctx, run.Scope, d.ID, chunks.SearchSlice)
			if err != nil {
				return err
			}
			if done = made < chunks.SearchSlice; done {
				if err := a.documents.Complete(ctx, run.Scope, d, total, text.MIMEType); err != nil {
					return err
				}
				more.Done = 1
			}
			sum, err = a.close(ctx, run, collections.Counts{Vectors: made}, more)
			return err
		})
		if err != nil {
			return err
		}
		run.committed(sum)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// failed marks a document as failed, with the reason for people, and takes the
// chunks of its older content out of sight.
func (a *appendWork) failed(ctx context.Context, run *Run, d documents.Document, cause error) error {
	reason, category := "The document could not be processed; the server's log has the reason.", documents.CategoryUnknown
	if e := apperr.From(cause); e.Kind != apperr.Internal {
		reason, category = e.Message, documents.CategoryPermanent
	} else {
		run.worker.config.Logger.ErrorContext(ctx, "a document could not be processed", "document_id", d.ID, "error", cause)
	}
	var sum Progress
	err := a.db.InTx(ctx, func(ctx context.Context) error {
		oldChunks, oldRows, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
		if err != nil {
			return err
		}
		if err := a.documents.Fail(ctx, run.Scope, d, reason, category); err != nil {
			return err
		}
		sum, err = a.close(ctx, run, collections.Counts{Chunks: -oldChunks, Vectors: -oldRows},
			Progress{Done: 1, Failed: 1, Message: d.FilePath})
		return err
	})
	if errors.Is(err, documents.ErrContentChanged) {
		return nil
	}
	if err == nil {
		run.committed(sum)
	}
	return err
}

// Abandon marks the documents that were being worked on as failed: one of them may
// have brought the worker down, and would do so again.
func (a *appendWork) Abandon(ctx context.Context, run *Run, reason string) error {
	left, _, err := a.documents.List(ctx, run.Scope, documents.StatusProcessing, database.Page{Limit: database.MaxList})
	if err != nil {
		return err
	}
	var counts collections.Counts
	for _, d := range left {
		chunksGone, rowsGone, err := a.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
		if err != nil {
			return err
		}
		counts.Chunks -= chunksGone
		counts.Vectors -= rowsGone
		if err := a.documents.Fail(ctx, run.Scope, d, reason, documents.CategoryUnknown); err != nil {
			return err
		}
	}
	if counts == (collections.Counts{}) {
		return nil
	}
	return a.rows.AddCounts(ctx, run.Scope, counts)
}

// close ends a step's transaction: the collection's counters, then the
// operation's progress, in the order of locks.
func (a *appendWork) close(ctx context.Context, run *Run, counts collections.Counts, more Progress) (Progress, error) {
	if counts != (collections.Counts{}) {
		if err := a.rows.AddCounts(ctx, run.Scope, counts); err != nil {
			return Progress{}, err
		}
	}
	return run.Advance(ctx, more)
}
