package operations

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"golang.org/x/sync/errgroup"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// recountEvery is how often the documents that wait are counted anew: they may
// become more while the operation runs, and counting them costs more the more
// there are.
const recountEvery = time.Second

const (
	// maxParallel bounds how many documents an operation works on at the same
	// time: making search rows keeps a processor of the database busy for each.
	maxParallel = 4
	// claimedAtOnce is how many documents a step has for each of them, so that
	// one that takes longer keeps nobody waiting.
	claimedAtOnce = 4
	// smallDocument is the size in bytes up to which documents share a step.
	smallDocument = 4 << 20
)

// errNothingReadable ends an operation of which no document could be used.
var errNothingReadable = apperr.New(apperr.Invalid, "nothing_readable", "None of the documents could be read.")

// errNoSourceReadable ends an operation of which no source could be looked through.
var errNoSourceReadable = apperr.New(apperr.Invalid, "no_source_readable", "No source could be looked through.")

// appendWork takes up the documents that wait in a collection: it extracts their
// text, cuts it, loads the chunks and makes their search rows. A document is a
// transaction, or several when it has many chunks. When none waits it looks through the
// sources that ask for it, whose files then wait.
type appendWork struct {
	kind       Type
	db         *database.DB
	documents  *documents.Repository
	chunks     *chunks.Repository
	rows       *collections.Repository
	importer   Importer
	connectors *connectors.Registry
	now        func() time.Time
	// parallel is how many documents are worked on at the same time.
	parallel int
}

// NewAppendWork makes the work of append operations and, with another type, of
// index operations, a new collection being made ready by the documents that wait in
// it, which mostly are none, and of those that retry documents.
func NewAppendWork(kind Type, d AppendDeps) Work { return newAppendWork(kind, d) }

func newAppendWork(kind Type, d AppendDeps) *appendWork {
	return &appendWork{kind: kind, db: d.DB, documents: d.Documents, chunks: d.Chunks, rows: d.Collections, importer: d.Importer,
		connectors: d.Connectors, now: time.Now, parallel: min(maxParallel, runtime.GOMAXPROCS(0))}
}

// AppendDeps are what the work of append operations stands on.
type AppendDeps struct {
	DB          *database.DB
	Documents   *documents.Repository
	Chunks      *chunks.Repository
	Collections *collections.Repository
	Importer    Importer
	Connectors  *connectors.Registry
}

// Type is the type of operation.
func (a *appendWork) Type() Type { return a.kind }

// Step works on the next documents that wait: a few small ones at the same time,
// then large ones one by one, since each is in memory as a whole.
func (a *appendWork) Step(ctx context.Context, run *Run) (bool, error) {
	if run.counted.IsZero() { // this attempt's first step
		if err := a.documents.Release(ctx, run.Scope, run.lost); err != nil {
			return false, err
		}
	}
	if err := a.countWaiting(ctx, run); err != nil {
		return false, err
	}
	waiting, err := a.documents.ClaimWaiting(ctx, run.Scope, claimedAtOnce*a.parallel)
	if err != nil {
		return false, err
	}
	if len(waiting) == 0 {
		return a.scanStep(ctx, run)
	}
	// The count is of a moment ago, and may be of before these came in.
	if p := run.Progress(); !run.listing && p.Total < p.Done+int64(len(waiting)) {
		run.expect(p.Done + int64(len(waiting)))
	}
	group, together := errgroup.WithContext(ctx)
	group.SetLimit(a.parallel)
	var large []documents.Document
	for _, d := range waiting {
		if d.FileSize > smallDocument {
			large = append(large, d)
			continue
		}
		group.Go(func() error { return a.take(together, run, d) })
	}
	if err := group.Wait(); err != nil {
		return false, err
	}
	for _, d := range large {
		if err := a.take(ctx, run, d); err != nil {
			return false, err
		}
	}
	return false, nil
}

// take works on one document. An error is one of the operation's, not of the
// document's. When the attempt should end, the document is left to whoever takes
// the operation up again.
func (a *appendWork) take(ctx context.Context, run *Run, d documents.Document) error {
	if leaves, err := run.leaves(ctx); leaves || err != nil {
		return err
	}
	if d.LostCount >= documents.MaxLost {
		return a.lostOver(ctx, run, d)
	}
	err := a.sheltered(ctx, run, d, func() error { return a.process(ctx, run, d) })
	switch {
	case errors.Is(err, documents.ErrContentChanged):
		return nil // it waits again, with its new content
	case err == nil, errors.Is(err, errLost), errors.Is(err, collections.ErrNotFound),
		apperr.KindOf(err) == apperr.Unavailable, ctx.Err() != nil:
		return err
	default:
		// What one document does to the program is that document's failure.
		return a.failed(ctx, run, d, err)
	}
}

// countWaiting keeps the total up to date.
func (a *appendWork) countWaiting(ctx context.Context, run *Run) error {
	if now := a.now(); now.Sub(run.counted) >= recountEvery {
		run.counted = now
		return a.countLeft(ctx, run)
	}
	return nil
}

// countLeft counts what is left: the documents that wait, and those whose files are gone.
// While a source is still to be listed nobody knows what it has, and the total is 0.
func (a *appendWork) countLeft(ctx context.Context, run *Run) error {
	asked, err := a.rows.CountScans(ctx, run.Scope)
	if err != nil {
		return fmt.Errorf("counting the sources that wait: %w", err)
	}
	var gone int64
	if s, going := run.memory.(*scan); going && s.listed {
		gone = s.gone
		asked-- // it waits no more for that
	}
	if run.listing = asked > 0; run.listing {
		run.expect(0)
		return nil
	}
	waiting, err := a.documents.CountWaiting(ctx, run.Scope)
	if err != nil {
		return fmt.Errorf("counting the documents that wait: %w", err)
	}
	run.expect(run.Progress().Done + waiting + gone)
	return nil
}

// Result counts what was done. Documents that came in after the last step are
// errMore; when not one document could be read, and the collection has nothing
// else, the operation has failed.
func (a *appendWork) Result(ctx context.Context, run *Run) (map[string]any, error) {
	waiting, err := a.documents.CountWaiting(ctx, run.Scope)
	if err != nil {
		return nil, fmt.Errorf("counting the documents that wait: %w", err)
	}
	if waiting > 0 {
		return nil, errMore
	}
	if _, asked, err := a.rows.NextScan(ctx, run.Scope); err != nil || asked {
		return nil, errors.Join(err, errMore)
	}
	p := run.Progress()
	if err := a.nothingDone(ctx, run, p); err != nil {
		return nil, err
	}
	if err := a.rows.FinishSyncRun(ctx, run.Scope, ""); err != nil {
		return nil, err
	}
	result := map[string]any{
		"documents_processed": p.Done - p.Failed - p.Counts[countGone],
		"documents_failed":    p.Failed,
		"chunks_created":      p.Chunks,
		"splitter":            "recursive",
	}
	for name, n := range p.Counts {
		result[name] = n
	}
	return result, nil
}

// nothingDone is why an operation has failed that could do nothing. What the collection
// had before can be used as before.
func (a *appendWork) nothingDone(ctx context.Context, run *Run, p Progress) error {
	done := p.Done - p.Counts[countGone]
	unreadable := done > 0 && done == p.Failed
	unfound := done == 0 && p.Counts[countFailed] > 0 && p.Counts[countSources]+p.Counts[countPartial] == 0
	if !unreadable && !unfound {
		return nil
	}
	c, err := a.rows.GetByUUID(ctx, run.Scope.ID())
	if err != nil {
		return err
	}
	switch {
	case unfound:
		run.leavesReady = c.ChunkCount > 0
		return a.whySourcesFailed(ctx, run)
	case c.ChunkCount == 0:
		return errNothingReadable.WithMessagef("None of the %d documents could be read; each says why.", p.Failed)
	default:
		return nil
	}
}

// whySourcesFailed is what the first of the collection's sources says that failed.
func (a *appendWork) whySourcesFailed(ctx context.Context, run *Run) error {
	sources, _, err := a.rows.ListSources(ctx, run.Scope, database.Page{Limit: database.MaxList})
	if err != nil {
		return err
	}
	for _, s := range sources {
		if s.LastRunStatus != nil && *s.LastRunStatus == collections.RunFailed && s.LastError != nil {
			return errNoSourceReadable.WithMessagef("No source could be looked through: %s", *s.LastError)
		}
	}
	return errNoSourceReadable
}
