package upkeep

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/audit"
	"semantik/platform/database"
	"semantik/platform/schedule"
)

// recountPage is how many collections are looked at until it is noted how far the task
// is.
const recountPage = 20

// tally is how far a recount is, and what it has found.
type tally struct {
	After uuid.UUID `json:"after"`
	// Collections are those that were counted, Corrected those whose counters were
	// wrong, and Busy those among these that were left for the next time.
	Collections int `json:"collections"`
	Corrected   int `json:"corrected"`
	Busy        int `json:"busy"`
}

func (t tally) String() string {
	text := fmt.Sprintf("Collections counted: %d; corrected: %d.", t.Collections, t.Corrected)
	if t.Busy > 0 {
		text += fmt.Sprintf(" Wrong and left for the next time, because something was being done with them, or their partition is missing: %d.", t.Busy)
	}
	return text
}

// recount compares every collection's counters with what there is. They change in the
// transaction that changes what they count, so in one snapshot they agree, whatever is
// going on; one that does not is a bug, and is reported. Looking takes no lock.
func (u *upkeep) recount(ctx context.Context, run *schedule.Run) (string, error) {
	var t tally
	if _, err := run.Resume(&t); err != nil {
		return "", err
	}
	err := u.inSlices(ctx, func(ctx context.Context) (bool, error) {
		more, err := u.recountPage(ctx, &t)
		if err != nil {
			return false, err
		}
		return more, run.Keep(ctx, t)
	})
	return t.String(), err
}

// Recount is the task of that name, from the first collection to the last, for who wants
// it done now. It tells how many collections it has corrected, and how many it has left
// for the next time because something was being done with them.
func Recount(ctx context.Context, deps Deps, config Config) (corrected int64, busy int, err error) {
	u := newUpkeep(deps, config)
	var t tally
	err = u.inSlices(ctx, func(ctx context.Context) (bool, error) { return u.recountPage(ctx, &t) })
	return int64(t.Corrected), t.Busy, err
}

// recountPage looks at the next collections, and reports whether there may be more.
func (u *upkeep) recountPage(ctx context.Context, t *tally) (bool, error) {
	ids, err := u.CollectionRows.ListAfter(ctx, t.After, recountPage)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	for _, id := range ids {
		if err := u.recountOne(ctx, id, t); err != nil {
			return false, fmt.Errorf("recounting the collection %s: %w", id, err)
		}
		t.After = id
	}
	return len(ids) == recountPage, nil
}

// recountOne looks at a collection, and corrects it where that is needed and nothing is
// being done with it.
func (u *upkeep) recountOne(ctx context.Context, id uuid.UUID, t *tally) error {
	wrong, err := u.isWrong(ctx, id)
	if errors.Is(err, collections.ErrNotFound) {
		return nil // deleted meanwhile
	}
	if err != nil {
		return err
	}
	t.Collections++
	if !wrong {
		return nil
	}
	corrected, busy, err := u.correct(ctx, id)
	if err != nil && !errors.Is(err, collections.ErrNotFound) {
		return err
	}
	if corrected {
		t.Corrected++
	}
	if busy {
		t.Busy++
	}
	return nil
}

// isWrong reports whether the counters differ from what there is, in one snapshot.
func (u *upkeep) isWrong(ctx context.Context, id uuid.UUID) (wrong bool, err error) {
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		says, has, err := u.count(ctx, id)
		wrong = says != has
		return err
	}, database.ReadOnly(), database.Isolation(pgx.RepeatableRead))
	return wrong, err
}

// count reads what a collection's row says, and counts what there is, patiently.
func (u *upkeep) count(ctx context.Context, id uuid.UUID) (says, has collections.Counts, err error) {
	if err := u.repository.bePatient(ctx); err != nil {
		return says, has, err
	}
	scope, err := u.Collections.ScopeForWork(ctx, id)
	if err != nil {
		return says, has, err
	}
	c := scope.Collection()
	says = collections.Counts{Documents: c.DocumentCount, Chunks: c.ChunkCount, Vectors: c.VectorCount, Bytes: c.TotalSizeBytes}
	if has.Documents, has.Bytes, err = u.DocumentRows.CountLive(ctx, scope); err != nil {
		return says, has, err
	}
	has.Chunks, has.Vectors, err = u.ChunkRows.CountAll(ctx, scope)
	return says, has, err
}

// correct counts again under the lock of the collection's row, which whoever changes a
// counter needs, and sets the counters. While an operation is active it leaves them
// alone: what it is at may be the reason, and it would wait for the lock.
func (u *upkeep) correct(ctx context.Context, id uuid.UUID) (corrected, busy bool, err error) {
	var says, has collections.Counts
	err = u.DB.InTx(ctx, func(ctx context.Context) error {
		corrected, busy = false, false
		scope, err := u.Collections.ScopeForWork(ctx, id)
		if err != nil {
			return err
		}
		if _, err := u.CollectionRows.Lock(ctx, scope); err != nil {
			return err
		}
		if _, busy, err = u.OperationRows.Active(ctx, scope); err != nil || busy {
			return err
		}
		whole, err := u.repository.isWhole(ctx, scope.PartitionKey())
		if err != nil || !whole {
			busy = true
			return err
		}
		if says, has, err = u.count(ctx, id); err != nil {
			return err
		}
		if corrected, err = u.CollectionRows.UpdateStats(ctx, scope, has); err != nil || !corrected {
			return err
		}
		return u.Audit.Record(ctx, audit.Entry{
			Action: "collection.recount", ObjectType: "collection", ObjectID: id.String(),
			Details: map[string]any{"before": counters(says), "after": counters(has)},
		})
	})
	switch {
	case err != nil:
		return false, false, err
	case busy:
		u.config.Logger.WarnContext(ctx, "the counters of a collection are wrong; they are left alone while something is being done with it, or its partition is missing", "collection_id", id)
	case corrected:
		u.config.Logger.ErrorContext(ctx, "the counters of a collection were wrong and have been corrected; this is a bug, please report it",
			"collection_id", id, "before", counters(says), "after", counters(has))
	}
	return corrected, busy, nil
}

func counters(c collections.Counts) map[string]any {
	return map[string]any{
		"document_count": c.Documents, "chunk_count": c.Chunks, "vector_count": c.Vectors, "total_size_bytes": c.Bytes,
	}
}
