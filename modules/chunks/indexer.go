package chunks

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/database"
)

const (
	// indexerLooks is how often an indexer looks for loads that another process has
	// taken, or that a crash has left; its own process wakes it at once.
	indexerLooks = 5 * time.Second
	// pendingAtOnce is how many rows of the backlog are looked at for a slice.
	pendingAtOnce = 1000
	// maxIndexers bounds how many slices are made at the same time.
	maxIndexers = 4
)

// Indexer makes the search rows of chunks that were loaded from outside, after their
// load: in slices, each of them a transaction, one collection after another, so that a
// large load does not keep the small ones waiting. Any number may work on one database.
type Indexer struct {
	db          *database.DB
	repository  *Repository
	collections *collections.Service
	counters    Counters
	log         *slog.Logger
	wake        chan struct{}
}

// Counters changes what a collection counts.
type Counters interface {
	// AddCounts is the last statement of a transaction. A collection that was deleted
	// is [collections.ErrNotFound].
	AddCounts(ctx context.Context, scope collections.Scope, c collections.Counts) error
}

// NewIndexer makes an indexer. It works once [Indexer.Run] is called.
func NewIndexer(db *database.DB, repository *Repository, access *collections.Service, counters Counters, log *slog.Logger) *Indexer {
	return &Indexer{db: db, repository: repository, collections: access, counters: counters, log: log, wake: make(chan struct{}, 1)}
}

// Wake has the indexer look for work now.
func (x *Indexer) Wake() {
	select {
	case x.wake <- struct{}{}:
	default: // it is going to
	}
}

// Run makes search rows until the context ends, with half of the processors that the
// program has, up to four: PostgreSQL has as much to do for each.
func (x *Indexer) Run(ctx context.Context) {
	var all sync.WaitGroup
	for range min(max(1, runtime.GOMAXPROCS(0)/2), maxIndexers) {
		all.Go(func() { x.run(ctx) })
	}
	all.Wait()
}

func (x *Indexer) run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-x.wake:
		}
		if err := x.WorkAll(ctx); err != nil && ctx.Err() == nil {
			x.log.WarnContext(ctx, "search rows could not be made; it will be tried again", "error", err, "in", indexerLooks)
		}
		timer.Reset(indexerLooks)
	}
}

// WorkAll makes search rows until a round through all collections finds nothing to do
// that nobody else is doing. A collection where it fails, because somebody holds its
// chunks perhaps, is left out from then on and keeps no other waiting; the errors come
// at the end.
func (x *Indexer) WorkAll(ctx context.Context) error {
	failed := map[uuid.UUID]error{}
	var after uuid.UUID
	for busy := false; ; {
		next, found, err := x.repository.NextPending(ctx, after)
		if err != nil {
			return err
		}
		if !found {
			if !busy {
				return errors.Join(slices.Collect(maps.Values(failed))...)
			}
			busy, after = false, uuid.Nil
			continue
		}
		after = next
		if failed[next] != nil {
			continue
		}
		worked, err := x.work(ctx, next)
		if err != nil {
			failed[next] = fmt.Errorf("indexing the collection %s: %w", next, err)
			continue
		}
		if worked {
			busy = true
			x.Wake() // one of the others may help
		}
	}
}

// work makes one slice of search rows in a collection, and reports whether there was
// something to do.
func (x *Indexer) work(ctx context.Context, id uuid.UUID) (worked bool, err error) {
	scope, err := x.collections.ScopeForWork(ctx, id)
	if err == nil {
		err = x.db.InTx(ctx, func(ctx context.Context) (err error) {
			worked, err = x.slice(ctx, scope)
			return err
		})
	}
	if errors.Is(err, collections.ErrNotFound) { // it is being purged
		return false, nil
	}
	return worked && err == nil, err
}

// slice makes the search rows of about [SearchSlice] chunks, or of [SearchSliceBytes] of
// their contents, the oldest first. It reports whether there was something to do.
func (x *Indexer) slice(ctx context.Context, scope collections.Scope) (bool, error) {
	pending, err := x.repository.ClaimPending(ctx, scope, pendingAtOnce)
	if err != nil || len(pending) == 0 {
		return false, err
	}
	small, err := x.lightOnes(ctx, scope, smallOnes(pending))
	if err != nil {
		return true, err
	}
	var made int64
	if len(small) > 0 {
		made, err = x.documents(ctx, scope, small)
	} else {
		made, err = x.large(ctx, scope, pending[0])
	}
	if err != nil || made == 0 {
		return true, err
	}
	return true, x.counters.AddCounts(ctx, scope, collections.Counts{Vectors: made})
}

// lightOnes are the first of them that are not too many bytes for one slice; none when
// the very first one is.
func (x *Indexer) lightOnes(ctx context.Context, scope collections.Scope, small []Pending) ([]Pending, error) {
	if len(small) == 0 {
		return nil, nil
	}
	sizes, err := x.repository.MeasurePending(ctx, scope, small)
	if err != nil {
		return nil, err
	}
	total := int64(0)
	for i, size := range sizes {
		if total += size; total > SearchSliceBytes {
			return small[:i], nil
		}
	}
	return small, nil
}

// smallOnes are the first of them that make one slice together; none when the very
// first one is larger, or is of chunks without a document.
func smallOnes(pending []Pending) []Pending {
	total := 0
	for i, p := range pending {
		total += p.chunks()
		if p.DocumentID == nil || total > SearchSlice {
			return pending[:i]
		}
	}
	return pending
}

func (x *Indexer) documents(ctx context.Context, scope collections.Scope, pending []Pending) (int64, error) {
	made, err := x.repository.IndexDocuments(ctx, scope, pending)
	if err != nil {
		return 0, err
	}
	ids := make([]int64, len(pending))
	for i, p := range pending {
		ids[i] = p.ID
	}
	return made, x.repository.DonePending(ctx, scope, ids)
}

func (x *Indexer) large(ctx context.Context, scope collections.Scope, p Pending) (int64, error) {
	made, next, err := x.repository.IndexSlice(ctx, scope, p, SearchSlice, SearchSliceBytes)
	if err != nil {
		return 0, err
	}
	if next > p.Last {
		return made, x.repository.DonePending(ctx, scope, []int64{p.ID})
	}
	return made, x.repository.ShortenPending(ctx, scope, p.ID, next)
}
