package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"semantik/modules/chunks/split"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/documents/extract"
	"semantik/platform/apperr"
)

// reindexWork cuts the documents of a collection anew, one after another, each in one
// transaction: a reader sees a document's old chunks or its new ones. Broken off
// anywhere it goes on with those that it is not through with, and cancelled it leaves
// some documents with new chunks and the rest with old ones, none without.
//
// Left as they are: chunks that were loaded from outside, documents whose chunks
// people have edited unless the request says otherwise, and documents that cannot be
// read any more.
type reindexWork struct{ *appendWork }

// NewReindexWork makes the work of reindex operations, which extracts and cuts as that of
// append operations does.
func NewReindexWork(d AppendDeps) Work { return &reindexWork{newAppendWork(TypeReindex, d)} }

// reindexConfig is what the work needs of the operation's config.
type reindexConfig struct {
	OverwriteEdited bool `json:"overwrite_edited"`
}

// reindexing is what the work keeps in mind between two steps.
type reindexing struct {
	config reindexConfig
	after  documents.ReindexKey
	// suspects are worked on last, each by itself.
	suspects bool
}

// Why a document was left as it is.
const (
	keptEdited     = "Its chunks were edited."
	keptUnreadable = "It cannot be read any more: "
	keptLost       = "The worker was lost twice in a row while it worked on this document."
)

// Step works on the next documents.
func (w *reindexWork) Step(ctx context.Context, run *Run) (bool, error) {
	at, ok := run.memory.(reindexing)
	if !ok { // this attempt's first step
		var err error
		if at, err = w.begin(ctx, run); err != nil {
			return false, err
		}
	}
	limit := claimedAtOnce * w.parallel
	if at.suspects {
		limit = 1
	}
	found, err := w.documents.ListToReindex(ctx, run.Scope, run.Operation.ID, at.after, at.suspects, limit)
	if err != nil {
		return false, err
	}
	if len(found) == 0 {
		done := at.suspects
		run.memory = reindexing{config: at.config, after: documents.FirstReindexKey(), suspects: true}
		return done, nil
	}
	if err := w.together(ctx, run, found, at.config); err != nil {
		return false, err
	}
	last := found[len(found)-1]
	at.after = documents.ReindexKey{CreatedAt: last.CreatedAt, ID: last.ID}
	run.memory = at
	return false, nil
}

// begin finds out how far the operation is.
func (w *reindexWork) begin(ctx context.Context, run *Run) (reindexing, error) {
	at := reindexing{after: documents.FirstReindexKey()}
	if err := json.Unmarshal(run.Operation.Config, &at.config); err != nil {
		return at, fmt.Errorf("reading an operation's config: %w", err)
	}
	if !run.lost {
		if err := w.documents.ClearSuspects(ctx, run.Scope); err != nil {
			return at, err
		}
	}
	left, err := w.documents.CountToReindex(ctx, run.Scope, run.Operation.ID)
	if err != nil {
		return at, fmt.Errorf("counting the documents to reindex: %w", err)
	}
	run.expect(run.Progress().Done + left)
	return at, nil
}

// together works on documents at the same time, but for large ones, each of which is in
// memory as a whole.
func (w *reindexWork) together(ctx context.Context, run *Run, found []documents.Document, config reindexConfig) error {
	ids := make([]uuid.UUID, len(found))
	for i, d := range found {
		ids[i] = d.ID
	}
	if err := w.documents.Suspect(ctx, run.Scope, ids); err != nil {
		return err
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(w.parallel)
	var large []documents.Document
	for _, d := range found {
		if d.FileSize > smallDocument {
			large = append(large, d)
			continue
		}
		group.Go(func() error { return w.reindex(together, run, d, config) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, d := range large {
		if err := w.reindex(ctx, run, d, config); err != nil {
			return err
		}
	}
	return nil
}

// reindex works on one document. An error is the operation's; what a document comes to
// is noted, and the document left as it is.
func (w *reindexWork) reindex(ctx context.Context, run *Run, d documents.Document, config reindexConfig) error {
	// Not an error, which would break off what is under way beside it, each time anew.
	if leaves, err := run.leaves(ctx); leaves || err != nil {
		return err
	}
	if d.LostCount >= documents.MaxLost {
		run.worker.config.Logger.ErrorContext(ctx, "a document brings the worker down", "document_id", d.ID, "times", d.LostCount)
		return w.keep(ctx, run, d, Progress{Done: 1, Failed: 1}, keptLost)
	}
	err := w.sheltered(ctx, run, d, func() error { return w.cutAnew(ctx, run, d, config) })
	switch {
	case errors.Is(err, documents.ErrContentChanged):
		return nil // deleted, or given chunks from outside: it is not ours any more
	case err == nil, errors.Is(err, errLost), errors.Is(err, collections.ErrNotFound),
		apperr.KindOf(err) == apperr.Unavailable, ctx.Err() != nil:
		return err
	}
	reason := "the server's log has the reason."
	if e := apperr.From(err); e.Kind != apperr.Internal {
		reason = e.Message
	} else {
		run.worker.config.Logger.ErrorContext(ctx, "a document could not be reindexed", "document_id", d.ID, "error", err)
	}
	return w.keep(ctx, run, d, Progress{Done: 1, Failed: 1}, keptUnreadable+reason)
}

// cutAnew extracts and cuts outside of any transaction, and then replaces the chunks
// with their search rows in one.
func (w *reindexWork) cutAnew(ctx context.Context, run *Run, d documents.Document, config reindexConfig) error {
	content, err := w.documents.ReadContent(ctx, run.Scope, d, documents.Original)
	if err != nil {
		return err
	}
	text, cuts, err := prepare(ctx, run.Scope.Collection(), d, content)
	if err != nil {
		return err
	}
	edited := false
	err = w.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
		n, err := w.chunks.LockDocument(ctx, run.Scope, d.ID)
		if err != nil {
			return collections.Counts{}, Progress{}, err
		}
		if edited = n > 0 && !config.OverwriteEdited; edited {
			return collections.Counts{}, Progress{}, errEdited
		}
		return w.replace(ctx, run, d, text, cuts)
	})
	if edited {
		return w.keep(ctx, run, d, Progress{Done: 1, Skipped: 1}, keptEdited)
	}
	if err == nil {
		run.extracted(d, int64(len(cuts)))
	}
	return err
}

// errEdited rolls back the transaction of a document that is left as it is.
var errEdited = errors.New("the document's chunks were edited")

// replace is the transaction of one document.
func (w *reindexWork) replace(ctx context.Context, run *Run, d documents.Document, text extract.Result, cuts []split.Chunk) (collections.Counts, Progress, error) {
	total := int64(len(cuts))
	more := Progress{Done: 1, Chunks: total, Message: d.FilePath}
	counts, err := w.replaceChunks(ctx, run, d, text, cuts)
	if err != nil {
		return counts, more, err
	}
	made, err := w.chunks.BuildSearchRows(ctx, run.Scope, d.ID, 0, total)
	if err != nil {
		return counts, more, err
	}
	counts.Vectors += made
	return counts, more, w.documents.Reindexed(ctx, run.Scope, d, run.Operation.ID, total, &text.MIMEType)
}

// keep leaves a document as it is, and names it. One that counts as failed is told as
// such, although its row says nothing of it: it goes on as before.
func (w *reindexWork) keep(ctx context.Context, run *Run, d documents.Document, more Progress, reason string) error {
	err := w.commit(ctx, run, func(ctx context.Context) (collections.Counts, Progress, error) {
		more.Message = d.FilePath
		if err := w.documents.Reindexed(ctx, run.Scope, d, run.Operation.ID, d.ChunkCount, nil); err != nil {
			return collections.Counts{}, more, err
		}
		kept := KeptDocument{DocumentID: d.ID, FilePath: endOf(d.FilePath, MaxKeptPath), Reason: reason}
		return collections.Counts{}, more, run.worker.repository.Keep(ctx, run.Operation, kept)
	})
	if errors.Is(err, documents.ErrContentChanged) {
		return nil
	}
	if err == nil && more.Failed > 0 {
		run.failed(d, reason)
	}
	return err
}

// Result counts what was done, and names what was left as it is.
func (w *reindexWork) Result(ctx context.Context, run *Run) (map[string]any, error) {
	o, err := run.worker.repository.Get(ctx, run.Operation.UUID)
	if err != nil {
		return nil, err
	}
	kept := o.Meta.Kept
	if kept == nil {
		kept = []KeptDocument{}
	}
	p := run.Progress()
	return map[string]any{
		"documents_reindexed": p.Done - p.Failed - p.Skipped,
		"documents_failed":    p.Failed,
		"documents_kept":      p.Skipped,
		"kept":                kept,
		"chunks_created":      p.Chunks,
		"splitter":            "recursive",
	}, nil
}

// Abandon has nothing to put away: a document has its old chunks or its new ones.
func (*reindexWork) Abandon(context.Context, *Run, string) (int64, error) { return 0, nil }

// Withdraw has nothing to put away either.
func (*reindexWork) Withdraw(context.Context, collections.Scope, string) (int64, error) {
	return 0, nil
}

// endOf is the end of a path that is longer than so many characters.
func endOf(path string, characters int) string {
	runes := []rune(path)
	if len(runes) <= characters {
		return path
	}
	return "…" + string(runes[len(runes)-characters+1:])
}
