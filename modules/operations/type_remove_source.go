package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/audit"
	"semantik/platform/database"
)

// removedAtOnce is how many documents of a source one transaction deletes.
const removedAtOnce = 20

// removeSourceWork deletes the documents of a source with their chunks, some in each
// transaction, and at the end the source itself. A document whose content another source
// of the collection has too becomes that one's. Broken off, it goes on with those that
// are left; cancelled, it leaves those and the source.
type removeSourceWork struct {
	db        *database.DB
	documents *documents.Repository
	chunks    *chunks.Repository
	rows      *collections.Repository
	importer  Importer
	audit     collections.Recorder
}

// NewRemoveSourceWork makes the work of operations that remove a source.
func NewRemoveSourceWork(db *database.DB, docs *documents.Repository, chunkRows *chunks.Repository, rows *collections.Repository, importer Importer, log collections.Recorder) Work {
	return &removeSourceWork{db: db, documents: docs, chunks: chunkRows, rows: rows, importer: importer, audit: log}
}

// Type is the type of operation.
func (*removeSourceWork) Type() Type { return TypeRemoveSource }

// removal is what the work needs of the operation's config.
type removal struct {
	SourceID   int64  `json:"source_id"`
	SourcePath string `json:"source_path"`
}

func removalOf(o Operation) (removal, error) {
	var r removal
	if err := json.Unmarshal(o.Config, &r); err != nil {
		return r, fmt.Errorf("reading an operation's config: %w", err)
	}
	return r, nil
}

// Step deletes the next documents.
func (w *removeSourceWork) Step(ctx context.Context, run *Run) (bool, error) {
	r, err := removalOf(run.Operation)
	if err != nil {
		return false, err
	}
	after, begun := run.memory.(uuid.UUID) // up to where this attempt is through
	if !begun {
		left, err := w.documents.CountOfSource(ctx, run.Scope, r.SourceID)
		if err != nil {
			return false, fmt.Errorf("counting the documents of a source: %w", err)
		}
		run.expect(run.Progress().Done + left)
	}
	var found []documents.Document
	var sum Progress
	err = w.db.InTx(ctx, func(ctx context.Context) error {
		if found, err = w.documents.ListOfSource(ctx, run.Scope, r.SourceID, after, removedAtOnce); err != nil || len(found) == 0 {
			return err
		}
		more, err := w.remove(ctx, run, r.SourceID, found)
		if err != nil {
			return err
		}
		sum, err = run.Advance(ctx, more, true)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("removing a source: %w", err)
	}
	if len(found) == 0 {
		run.memory = uuid.Nil // should there be more at the end, it is looked for from the beginning
		return true, nil
	}
	run.memory = found[len(found)-1].ID
	run.committed(sum)
	return false, nil
}

// remove takes documents out of their source, and deletes those that are not deleted
// yet and that no other source has. Chunks come before the documents' rows, and those before the counters.
func (w *removeSourceWork) remove(ctx context.Context, run *Run, sourceID int64, found []documents.Document) (Progress, error) {
	var counts collections.Counts
	more := Progress{Counts: map[string]int64{}}
	var ids []uuid.UUID
	for _, d := range found {
		if d.Status == documents.StatusDeleted {
			ids = append(ids, d.ID)
			continue
		}
		more.Done++
		more.Message = d.FilePath
		d.SourceID = &sourceID
		moved, err := w.importer.HandOver(ctx, run.Scope, d, nil)
		if err != nil {
			return more, err
		}
		if moved {
			more.Counts[countMoved]++
			continue
		}
		ids = append(ids, d.ID)
		more.Counts[countRemoved]++
		for range 2 { // before the document's row is locked, and after, for what a load brought meanwhile
			chunksGone, rowsGone, err := w.chunks.DeleteChunksByDocument(ctx, run.Scope, d.ID)
			if err != nil {
				return more, err
			}
			counts.Chunks -= chunksGone
			counts.Vectors -= rowsGone
			if err := w.documents.Delete(ctx, run.Scope, d.ID); err != nil && !errors.Is(err, documents.ErrNotFound) {
				return more, err
			}
		}
		counts.Documents--
		counts.Bytes -= d.FileSize
	}
	more.Chunks = -counts.Chunks
	more.Counts["vectors_removed"] = -counts.Vectors
	if err := w.documents.LeaveSource(ctx, run.Scope, ids); err != nil {
		return more, err
	}
	if counts == (collections.Counts{}) {
		return more, nil
	}
	return more, w.rows.AddCounts(ctx, run.Scope, counts)
}

// Result deletes the source, which has no documents any more.
func (w *removeSourceWork) Result(ctx context.Context, run *Run) (map[string]any, error) {
	r, err := removalOf(run.Operation)
	if err != nil {
		return nil, err
	}
	left, err := w.documents.ListOfSource(ctx, run.Scope, r.SourceID, uuid.Nil, 1)
	if err != nil {
		return nil, err
	}
	if len(left) > 0 {
		return nil, errMore
	}
	if err := w.rows.DeleteSource(ctx, run.Scope, r.SourceID); err != nil {
		return nil, err
	}
	p := run.Progress()
	result := map[string]any{
		"source_path": r.SourcePath, "documents_removed": p.Counts[countRemoved], "documents_moved": p.Counts[countMoved],
		"chunks_removed": p.Chunks, "vectors_removed": p.Counts["vectors_removed"],
	}
	details := map[string]any{"source_id": r.SourceID, "source_path": r.SourcePath, "documents_removed": p.Counts[countRemoved]}
	return result, w.audit.Record(ctx, audit.Entry{
		Action: "collection.source_removed", ObjectType: "collection", ObjectID: run.Scope.ID().String(), Details: details,
	})
}

// Abandon has nothing to put away: documents are deleted or they are not.
func (*removeSourceWork) Abandon(context.Context, *Run, string) (int64, error) { return 0, nil }

// Withdraw has nothing to put away either.
func (*removeSourceWork) Withdraw(context.Context, collections.Scope, string) (int64, error) {
	return 0, nil
}
