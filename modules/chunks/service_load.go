package chunks

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/database"
)

const (
	// spansAtOnce is how many documents a load keeps in memory; then what it has brought
	// of them is written down.
	spansAtOnce = 10_000
	// mergeTries is how often a merge that met another load is tried, and mergePause
	// the longest pause between two tries.
	mergeTries = 5
	mergePause = 200 * time.Millisecond
)

// LoadQuery is a load of chunks into one collection.
type LoadQuery struct {
	OnConflict OnConflict
	// Next gives one chunk after another. Its error ends the load, and is the load's.
	Next RowSource
	// Interrupt makes a Next return that waits for the client. It is called from
	// another goroutine than the one that Next is called from.
	Interrupt func()
}

// Loaded says what became of a load.
type Loaded struct {
	// Inserted chunks are new, Replaced ones have another content now, and Skipped
	// ones changed nothing.
	Inserted, Skipped, Replaced int64
	// Documents is how many documents have new or replaced chunks.
	Documents int64
}

// Load loads chunks, all of them or none, in one transaction; what is sent is stored
// as it comes, so that its size does not matter. The caller must be allowed to write
// when the load begins, and still when it ends. Documents must be completed
// ([documents.ErrNotLoadable]). With [OnConflictError] a chunk that is there already
// is [ErrConflict]; two loads that wait for each other end with [ErrLoadsCollide] for
// one of them. A load that takes longer than Config.LoadTimeout is [ErrLoadTimeout].
//
// A search finds the chunks once the [Indexer] has come by.
func (s *Service) Load(ctx context.Context, collectionID uuid.UUID, q LoadQuery) (Loaded, error) {
	start := time.Now()
	loaded, err := s.load(ctx, collectionID, q)
	s.metrics.hasLoaded(loaded, err, time.Since(start))
	return loaded, err
}

func (s *Service) load(ctx context.Context, collectionID uuid.UUID, q LoadQuery) (Loaded, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Loaded{}, err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.LoadTimeout, ErrLoadTimeout)
	defer cancel()
	run := &loadRun{Service: s, query: q, scope: scope, rows: newPipeline(ctx, q.Next, q.Interrupt)}
	defer run.rows.close()
	// A client that is silent is not noticed by a context: the time-out ends its read.
	defer context.AfterFunc(ctx, q.Interrupt)()
	loaded, err := run.all(ctx)
	if err != nil && errors.Is(context.Cause(ctx), ErrLoadTimeout) {
		return Loaded{}, ErrLoadTimeout.WithMessagef("The load took longer than %s. Nothing was loaded: send it in several parts.", s.config.LoadTimeout).WithCause(err)
	}
	if err != nil {
		return Loaded{}, err
	}
	s.db.AfterCommit(ctx, func(context.Context) { s.indexer.Wake() })
	return loaded, nil
}

// loadRun is one load on its way.
type loadRun struct {
	*Service

	query LoadQuery
	scope collections.Scope
	rows  *pipeline
	id    int64
}

func (r *loadRun) all(ctx context.Context) (Loaded, error) {
	if err := r.rows.wait(); err != nil {
		return Loaded{}, err
	}
	var loaded Loaded
	err := r.db.InTx(ctx, func(ctx context.Context) error {
		var err error
		if r.id, err = r.repository.NewLoad(ctx); err != nil {
			return err
		}
		var searchRows int64
		if r.query.OnConflict == OnConflictError {
			loaded.Inserted, err = r.copy(ctx)
		} else {
			loaded, searchRows, err = r.merge(ctx)
		}
		if err != nil {
			return err
		}
		return r.end(ctx, &loaded, searchRows)
	}, database.NoRetry())
	if database.IsDeadlock(err) && apperr.KindOf(err) != apperr.Conflict {
		err = ErrLoadsCollide.WithCause(err)
	}
	return loaded, err
}

// copy lets the chunks go straight into the table, with a pause to write down what
// they belong to once they are of very many documents.
func (r *loadRun) copy(ctx context.Context) (int64, error) {
	var total int64
	for ended := false; !ended; {
		brought := spans{}
		n, err := r.repository.CopyChunks(ctx, r.scope, func() (NewChunk, error) {
			if len(brought) >= r.spansAtOnce {
				return NewChunk{}, io.EOF
			}
			c, err := r.rows.Next()
			if err != nil {
				ended = true
				return c, err
			}
			brought.add(c)
			return c, nil
		})
		if err != nil {
			return 0, err
		}
		if err := r.repository.NoteSpans(ctx, r.scope, r.id, brought.list()); err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// merge stages the chunks and then merges them in, again where another load was met.
func (r *loadRun) merge(ctx context.Context) (Loaded, int64, error) {
	staged, err := r.repository.StageChunks(ctx, r.scope, r.rows.Next)
	if err != nil {
		return Loaded{}, 0, err
	}
	for try := 1; ; try++ {
		var merged Merged
		err := r.db.Savepoint(ctx, func(ctx context.Context) (err error) {
			if merged, err = r.repository.MergeStaged(ctx, r.scope, r.query.OnConflict == OnConflictReplace); err != nil {
				return err
			}
			return r.repository.NoteMerged(ctx, r.scope, r.id)
		})
		if err == nil {
			return Loaded{
				Inserted: merged.Inserted, Replaced: merged.Replaced, Skipped: staged - merged.Inserted - merged.Replaced,
			}, merged.SearchRows, nil
		}
		if !database.IsDeadlock(err) || try == mergeTries {
			return Loaded{}, 0, err
		}
		select {
		case <-time.After(rand.N(mergePause)): //nolint:gosec // a pause, not a secret
		case <-ctx.Done():
			return Loaded{}, 0, ctx.Err()
		}
	}
}

// end asks for the right again, which may be gone since the load began, and counts:
// the documents first, the collection last, since everybody needs its row.
func (r *loadRun) end(ctx context.Context, loaded *Loaded, searchRows int64) error {
	ctx, err := r.accounts.Confirm(ctx)
	if err != nil {
		return err
	}
	if _, err := r.collections.Authorize(ctx, r.scope.ID(), collections.Write); err != nil {
		return err
	}
	if loaded.Inserted+loaded.Replaced == 0 {
		return nil
	}
	err = r.repository.EachLoadedDocument(ctx, r.scope, r.id, func(some []documents.Loaded) error {
		loaded.Documents += int64(len(some))
		return r.documentRows.AddChunks(ctx, r.scope, some)
	})
	if err != nil {
		return err
	}
	err = r.audit.Record(ctx, audit.Entry{
		Action: "chunk.load", ObjectType: "collection", ObjectID: r.scope.ID().String(),
		Details: map[string]any{
			"on_conflict": string(r.query.OnConflict), "inserted": loaded.Inserted, "replaced": loaded.Replaced,
			"skipped": loaded.Skipped, "documents": loaded.Documents,
		},
	})
	if err != nil {
		return fmt.Errorf("recording a load: %w", err)
	}
	return r.counters.AddCounts(ctx, r.scope, collections.Counts{Chunks: loaded.Inserted, Vectors: -searchRows})
}
