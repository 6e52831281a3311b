package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/operations/upkeep"
	"semantik/platform/apperr"
	"semantik/schema"
)

// mendOf mends rows that name what is gone, as the foreign key would have done.
func mendOf(r schema.Reference) mend {
	lost := fmt.Sprintf("t.%[1]s is not null and not exists (select 1 from %[2]s parent where parent.%[3]s = t.%[1]s)", r.Column, r.Parent, r.ParentColumn)
	begin, what := "delete from "+r.Table+" t", "rows of "+r.Table+" deleted that name no "+r.Column
	if r.Forgets {
		begin, what = fmt.Sprintf("update %s t set %s = null", r.Table, r.Column), "rows of "+r.Table+" that name no "+r.Column+" any more"
	}
	return mend{
		needs: allRows, keys: []string{r.Key()}, what: what, destructive: !r.Forgets,
		do: inSliced(fmt.Sprintf("%s where ctid = any(array(select ctid from %s t where %s limit $1)) and %s", begin, r.Table, lost, lost)),
	}
}

func dropOrphanedChunks(ctx context.Context, d *Doctor, note note) (int64, error) {
	return dropOrphans(ctx, d, note, d.PartitionRows.DeleteOrphanedChunks)
}

func dropOrphanedSearchRows(ctx context.Context, d *Doctor, note note) (int64, error) {
	return dropOrphans(ctx, d, note, d.PartitionRows.DeleteOrphanedSearchRows)
}

// dropOrphans goes through the partitions.
func dropOrphans(ctx context.Context, d *Doctor, note note, drop func(ctx context.Context, num, limit int) (int64, error)) (total int64, err error) {
	count, err := d.Schema.PartitionCount(ctx)
	if err != nil {
		return 0, err
	}
	for num := range count {
		n, err := d.inSlices(ctx, note, map[string]any{"partition": num}, func(ctx context.Context) (int64, error) {
			return drop(ctx, num, d.config.Rows)
		})
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// eachCollection goes through the collections that are not deleted. One that is deleted
// meanwhile, or busy, is left alone.
func (d *Doctor) eachCollection(ctx context.Context, do func(ctx context.Context, scope collections.Scope) (int64, error)) (total int64, err error) {
	var after uuid.UUID
	for {
		ids, err := d.CollectionRows.ListAfter(ctx, after, listedAtOnce)
		if err != nil || len(ids) == 0 {
			return total, err
		}
		for _, after = range ids {
			scope, err := d.Collections.ScopeForWork(ctx, after)
			if err == nil {
				var n int64
				n, err = do(ctx, scope)
				total += n
			}
			if err != nil && apperr.KindOf(err) != apperr.NotFound && !errors.Is(err, operations.ErrActive) {
				return total, fmt.Errorf("the collection %s: %w", after, err)
			}
		}
	}
}

const listedAtOnce = 500

// dropLostSearchRows deletes search rows whose chunk is gone, and counts them off.
func dropLostSearchRows(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (int64, error) {
		return d.inSlices(ctx, note, detailsOf(scope), func(ctx context.Context) (int64, error) {
			n, err := d.ChunkRows.DeleteLostSearchRows(ctx, scope, d.config.Rows)
			if err != nil || n == 0 {
				return n, err
			}
			return n, d.CollectionRows.AddCounts(ctx, scope, collections.Counts{Vectors: -n})
		})
	})
}

func detailsOf(scope collections.Scope) map[string]any {
	return map[string]any{"collection_id": scope.ID()}
}

// noteUnindexed puts chunks without search rows on the list of what is to be indexed.
func noteUnindexed(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (n int64, err error) {
		err = d.DB.InTx(ctx, func(ctx context.Context) error {
			if err := d.repository.bePatient(ctx); err != nil {
				return err
			}
			if n, err = d.ChunkRows.NoteUnindexed(ctx, scope); err != nil {
				return err
			}
			return note(ctx, n, detailsOf(scope))
		})
		return n, err
	})
}

// recountDocuments sets the counters of documents that are wrong.
func recountDocuments(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (int64, error) {
		return d.inSlices(ctx, note, detailsOf(scope), func(ctx context.Context) (int64, error) {
			return d.ChunkRows.RecountDocuments(ctx, scope, d.config.Rows)
		})
	})
}

// requeueDocuments has documents cut anew whose chunks do not cover their content. Those
// that have a chunk which somebody has edited are left as they are.
func requeueDocuments(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (n int64, err error) {
		err = d.DB.InTx(ctx, func(ctx context.Context) error {
			if err := d.repository.bePatient(ctx); err != nil {
				return err
			}
			ids, err := d.ChunkRows.ListMiscut(ctx, scope)
			if err != nil || len(ids) == 0 {
				return err
			}
			if _, err := d.CollectionRows.Lock(ctx, scope); err != nil {
				return err
			}
			if n, err = d.DocumentRows.CutAnew(ctx, scope, ids); err != nil || n == 0 {
				return err
			}
			if _, err := d.Starter.EnsureWork(ctx, scope, scope.OwnerID(), map[string]any{"reason": "doctor"}); err != nil {
				return err
			}
			return note(ctx, n, detailsOf(scope))
		})
		if err != nil {
			n = 0
		}
		return n, err
	})
}

// resumeCollections starts an operation where something waits for one.
func resumeCollections(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (n int64, err error) {
		err = d.DB.InTx(ctx, func(ctx context.Context) error {
			n = 0
			if _, err := d.CollectionRows.Lock(ctx, scope); err != nil {
				return err
			}
			stuck, err := d.repository.isStuck(ctx, scope)
			if err != nil || !stuck {
				return err
			}
			if err := d.DocumentRows.Release(ctx, scope, false); err != nil {
				return err
			}
			if _, err := d.Starter.EnsureWork(ctx, scope, scope.OwnerID(), map[string]any{"reason": "doctor"}); err != nil {
				return err
			}
			n = 1
			return note(ctx, n, detailsOf(scope))
		})
		return n, err
	})
}

// binDuplicates moves a document to the bin whose content an older one has.
func binDuplicates(ctx context.Context, d *Doctor, note note) (total int64, err error) {
	for {
		found, err := d.DocumentRows.ListDoubles(ctx, listedAtOnce)
		if err != nil {
			return total, err
		}
		moved := total
		for _, f := range found {
			err := d.DB.InTx(ctx, func(ctx context.Context) error {
				if err := d.Documents.Delete(ctx, f.CollectionID, f.ID); err != nil {
					return err
				}
				return note(ctx, 1, map[string]any{"collection_id": f.CollectionID, "document_id": f.ID})
			})
			if errors.Is(err, documents.ErrNotFound) {
				continue // somebody was faster, or no read reaches it
			}
			if err != nil {
				return total, err
			}
			total++
		}
		if total == moved {
			return total, nil
		}
		if err := d.pause(ctx); err != nil {
			return total, err
		}
	}
}

// ringForOperations rings for operations that wait for a job that is not there.
func ringForOperations(ctx context.Context, d *Doctor, note note) (total int64, err error) {
	ids, err := d.repository.listUnrung(ctx)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		rung := false
		err := d.DB.InTx(ctx, func(ctx context.Context) (err error) {
			if rung, err = d.Starter.RingAgain(ctx, id); err != nil || !rung {
				return err
			}
			return note(ctx, 1, map[string]any{"operation_id": id})
		})
		if err != nil {
			return total, err
		}
		if rung {
			total++
		}
	}
	return total, nil
}

// recountCollections is the task of that name, done now; it writes down each collection
// that it corrects.
func recountCollections(ctx context.Context, d *Doctor, _ note) (int64, error) {
	n, busy, err := upkeep.Recount(ctx, d.Upkeep, upkeep.Config{Rows: d.config.Rows, Pause: d.config.Pause, Logger: d.config.Logger})
	if err == nil && busy > 0 {
		err = fmt.Errorf("%d collections were left for the next time, because something was being done with them", busy)
	}
	return n, err
}

// recountSources counts where no operation is going to.
func recountSources(ctx context.Context, d *Doctor, note note) (int64, error) {
	return d.eachCollection(ctx, func(ctx context.Context, scope collections.Scope) (n int64, err error) {
		err = d.DB.InTx(ctx, func(ctx context.Context) error {
			n = 0
			if _, err := d.CollectionRows.Lock(ctx, scope); err != nil {
				return err
			}
			if n, err = d.repository.countWrongSources(ctx, scope); err != nil || n == 0 {
				return err
			}
			if err := d.CollectionRows.RecountSources(ctx, scope); err != nil {
				return err
			}
			return note(ctx, n, detailsOf(scope))
		})
		return n, err
	})
}
