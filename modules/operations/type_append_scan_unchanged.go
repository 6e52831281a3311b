package operations

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections/connectors"
	"semantik/modules/documents"
)

// passUnchanged notes the files whose size and time are those that are known, in one
// transaction, and gives the others. A file that this run has seen before, in an attempt
// that was broken off, is not counted again.
func (a *appendWork) passUnchanged(ctx context.Context, run *Run, s *scan, entries []connectors.Entry) ([]connectors.Entry, error) {
	paths := make([]string, len(entries))
	for i, e := range entries {
		paths[i] = s.path(e.Path)
	}
	known, err := a.documents.ListKnown(ctx, run.Scope, s.source.ID, paths)
	if err != nil {
		return nil, fmt.Errorf("asking what is known of files: %w", err)
	}
	byPath, copyByPath := sortKnown(known)
	var changed []connectors.Entry
	var ids []uuid.UUID
	var copies []int64
	var shared []documents.Copy
	counts := map[string]int64{}
	for i, e := range entries {
		k, ok := byPath[paths[i]]
		others := ok && (k.SourceID == nil || *k.SourceID != s.source.ID)
		if !others && (!ok || k.Retry || k.Size != e.Size || k.ModifiedAt == nil || !k.ModifiedAt.Equal(e.ModifiedAt.Truncate(time.Microsecond))) {
			changed = append(changed, e)
			continue
		}
		c, remembered := copyByPath[paths[i]]
		switch {
		case others && remembered && c.Hash == k.Hash:
			copies = append(copies, *c.CopyID)
		case others: // it becomes this source's when the other one has it no more
			shared = append(shared, documents.Copy{Path: k.Path, Size: k.Size, ModifiedAt: k.ModifiedAt, Hash: k.Hash})
		case k.CopyID != nil:
			copies = append(copies, *k.CopyID)
		default:
			ids = append(ids, k.DocumentID)
		}
		if k.SeenAt == nil || k.SeenAt.Before(s.since) {
			counts[countScanned]++
			counts[countUnchanged]++
		}
	}
	if len(ids)+len(copies)+len(shared) == 0 && len(counts) == 0 {
		return changed, nil
	}
	var sum Progress
	err = a.db.InTx(ctx, func(ctx context.Context) error {
		if err := a.documents.See(ctx, run.Scope, s.source.ID, ids, copies); err != nil {
			return err
		}
		if err := a.documents.SaveCopies(ctx, run.Scope, s.source.ID, shared...); err != nil {
			return err
		}
		sum, err = run.Advance(ctx, Progress{Skipped: counts[countUnchanged], Counts: counts, Message: s.source.SourcePath}, counts[countScanned] > 0)
		return err
	})
	if err == nil {
		run.committed(sum)
	}
	return changed, err
}

// sortKnown gives what is known of each path, a document before what is remembered of a
// copy, and the copies.
func sortKnown(known []documents.Known) (byPath, copyByPath map[string]documents.Known) {
	byPath, copyByPath = make(map[string]documents.Known, len(known)), map[string]documents.Known{}
	for _, k := range known {
		if k.CopyID != nil {
			copyByPath[k.Path] = k
		}
		if there, ok := byPath[k.Path]; !ok || there.CopyID != nil {
			byPath[k.Path] = k
		}
	}
	return byPath, copyByPath
}
