package operations

import (
	"context"
	"fmt"
	"time"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/database"
)

// DefaultPurgeRows is how many rows a transaction of a purge deletes.
const DefaultPurgeRows = 5000

// PurgeConfig says how fast a deleted collection is purged.
type PurgeConfig struct {
	// Rows is how many chunks one transaction deletes at the most;
	// [DefaultPurgeRows] if zero.
	Rows int
	// Pause is the time between two transactions, which is everybody else's.
	Pause time.Duration
}

// heavy is how many chunks a document, with its cascades, or a slice of a content,
// of 256 KiB, is counted as.
const heavy = 50

// purgeWork deletes what a deleted collection has left behind: some documents at a
// time, first their chunks with the search rows, then their contents and
// themselves; then the chunks that belong to no document; then the rest. Each
// slice is a transaction, and what is left to do is found out from the tables, so
// that it may be broken off anywhere. It is over when a pass over all of it finds
// nothing.
//
// Nothing comes in meanwhile: whoever writes into a collection does so in a
// transaction with a statement that finds no collection once it is deleted.
type purgeWork struct {
	db        *database.DB
	documents *documents.Repository
	chunks    *chunks.Repository
	rows      *collections.Repository
	config    PurgeConfig
}

// NewPurgeWork makes the work of delete operations.
func NewPurgeWork(db *database.DB, docs *documents.Repository, chunkRows *chunks.Repository, rows *collections.Repository, config PurgeConfig) Work {
	if config.Rows <= 0 {
		config.Rows = DefaultPurgeRows
	}
	return &purgeWork{db: db, documents: docs, chunks: chunkRows, rows: rows, config: config}
}

// Type is the type of operation.
func (*purgeWork) Type() Type { return TypeDelete }

// pass is how far a purge is in its present pass over everything.
type pass struct {
	// stage is the index in stages.
	stage int
	// after is the index of the chunk without a document after which the next
	// slice begins.
	after int
	// found means that the pass has found something to delete.
	found bool
}

func newPass() pass { return pass{after: -1} }

// slice is what one transaction has deleted.
type slice struct {
	chunks, documents, others int64
}

func (s slice) empty() bool { return s == slice{} }

// stages are what is deleted one after another, what refers to others first. A
// stage is through when its slice is empty.
var stages = []struct {
	message string
	delete  func(p *purgeWork, ctx context.Context, run *Run, at *pass) (slice, error)
}{
	{"Deleting documents with their chunks.", (*purgeWork).deleteDocuments},
	{"Deleting chunks that belong to no document.", (*purgeWork).deleteLooseChunks},
	{"Deleting sources and permissions.", (*purgeWork).deleteRest},
}

// Step deletes the next slice.
func (p *purgeWork) Step(ctx context.Context, run *Run) (bool, error) {
	at, ok := run.memory.(pass)
	if !ok { // this attempt's first step
		at = newPass()
		c := run.Scope.Collection()
		run.expect(c.ChunkCount + c.DocumentCount)
	} else if err := p.pause(ctx, run); err != nil {
		return false, err
	}
	var next pass
	var gone slice
	var sum Progress
	stage := stages[at.stage]
	err := p.db.InTx(ctx, func(ctx context.Context) (err error) {
		next = at // made anew in each run: a unit of work may run more than once
		if gone, err = stage.delete(p, ctx, run, &next); err != nil {
			return err
		}
		more := Progress{Done: gone.chunks + gone.documents, Chunks: gone.chunks, Message: stage.message}
		sum, err = run.Advance(ctx, more, !gone.empty())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("purging a collection: %w", err)
	}
	run.committed(sum)
	if gone.empty() {
		next.stage++
	}
	next.found = next.found || !gone.empty()
	if next.stage < len(stages) {
		run.memory = next
		return false, nil
	}
	run.memory = newPass()
	return !next.found, nil
}

// deleteDocuments deletes what may be much of the next documents, or the documents
// once nothing is left of them.
func (p *purgeWork) deleteDocuments(ctx context.Context, run *Run, _ *pass) (slice, error) {
	ids, err := p.documents.ListForPurge(ctx, run.Scope, p.atOnce(run, heavy))
	if err != nil || len(ids) == 0 {
		return slice{}, err
	}
	limit := p.atOnce(run, 1)
	gone, err := p.chunks.PurgeOfDocuments(ctx, run.Scope, ids, limit)
	done := slice{chunks: gone.Chunks, others: gone.SearchRows}
	if err != nil || gone.Chunks >= int64(limit) {
		return done, err
	}
	limit = p.atOnce(run, heavy)
	if done.others, err = p.documents.PurgeContents(ctx, run.Scope, ids, limit); err != nil || done.others >= int64(limit) {
		return done, err
	}
	done.documents, err = p.documents.Purge(ctx, run.Scope, ids)
	return done, err
}

func (p *purgeWork) deleteLooseChunks(ctx context.Context, run *Run, at *pass) (slice, error) {
	gone, err := p.chunks.PurgeOfNone(ctx, run.Scope, at.after, p.atOnce(run, 1))
	at.after = gone.Last
	return slice{chunks: gone.Chunks, others: gone.SearchRows}, err
}

func (p *purgeWork) deleteRest(ctx context.Context, run *Run, _ *pass) (slice, error) {
	limit := p.atOnce(run, heavy)
	gone, err := p.chunks.PurgeBacklog(ctx, run.Scope, limit)
	if err != nil || gone >= int64(limit) {
		return slice{others: gone}, err
	}
	rest, err := p.rows.Purge(ctx, run.Scope, limit)
	return slice{others: gone + rest}, err
}

// atOnce is how many rows a slice has that are counted as so many chunks each.
// After attempts that got nowhere it is fewer each time: should a slice take
// longer than a statement may, a smaller one will not.
func (p *purgeWork) atOnce(run *Run, weight int) int {
	nowhere := max(run.Operation.Meta.Stalled+run.Operation.Meta.Interrupted-1, 0)
	return max(1, p.config.Rows/weight>>min(nowhere, 30))
}

// pause leaves the database to others for a while, unless the worker should end.
func (p *purgeWork) pause(ctx context.Context, run *Run) error {
	if p.config.Pause <= 0 {
		return nil
	}
	timer := time.NewTimer(p.config.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-run.worker.stopping:
		return errStopping
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Result counts what was deleted.
func (*purgeWork) Result(_ context.Context, run *Run) (map[string]any, error) {
	p := run.Progress()
	return map[string]any{"chunks_deleted": p.Chunks, "documents_deleted": p.Done - p.Chunks}, nil
}

// Abandon has nothing to put away: a slice is deleted or it is not.
func (*purgeWork) Abandon(context.Context, *Run, string) (int64, error) { return 0, nil }

// Withdraw has nothing to put away: nobody cancels a purge.
func (*purgeWork) Withdraw(context.Context, collections.Scope, string) (int64, error) { return 0, nil }
