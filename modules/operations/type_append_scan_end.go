package operations

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/documents"
	"semantik/platform/apperr"
)

// endList is for when everything was listed: from here on it can be told how much is
// left to do.
func (a *appendWork) endList(ctx context.Context, run *Run, s *scan) (err error) {
	s.listed = true
	if s.err == nil && s.report.Complete() {
		if s.gone, err = a.documents.CountVanished(ctx, run.Scope, s.source.ID, s.since); err != nil {
			return fmt.Errorf("counting what is gone: %w", err)
		}
	}
	return a.countLeft(ctx, run)
}

// takeVanished deletes the documents of the next files that are gone, and ends the run
// when none is left.
func (a *appendWork) takeVanished(ctx context.Context, run *Run, s *scan) error {
	var gone []uuid.UUID
	var err error
	if s.gone > 0 {
		if gone, err = a.documents.ListVanished(ctx, run.Scope, s.source.ID, s.since, s.goneThrough, vanishedAtOnce); err != nil {
			return fmt.Errorf("looking for what is gone: %w", err)
		}
	}
	vanishing := a.sourceRun(run, s)
	vanishing.End = func(ctx context.Context, outcome documents.Outcome) error { // a copy was counted when it was seen
		counts := map[string]int64{countedAs[outcome]: 1, countGone: 1}
		sum, err := run.Advance(ctx, Progress{Done: 1, Counts: counts, Message: s.source.SourcePath}, true)
		if err == nil {
			a.db.AfterCommit(ctx, func(context.Context) { run.committed(sum) })
		}
		return err
	}
	for _, id := range gone {
		if leaves, err := run.leaves(ctx); leaves || err != nil {
			return err
		}
		if _, err := a.importer.Vanish(ctx, run.Scope, vanishing, s.source.ID, id, s.since); err != nil {
			return err
		}
	}
	if n := len(gone); n > 0 {
		s.gone, s.goneThrough = max(0, s.gone-int64(n)), gone[n-1]
		return nil
	}
	s.gone = 0
	if more, err := a.takeOrphans(ctx, run, s); err != nil || more {
		return err
	}
	return a.endScan(ctx, run, s)
}

// takeOrphans takes files that were copies when they were seen, and whose content no
// document has any more, since the file that had it was seen later with another one: two
// files have swapped their contents, say. It tells whether there were any.
func (a *appendWork) takeOrphans(ctx context.Context, run *Run, s *scan) (bool, error) {
	paths, err := a.documents.ListOrphans(ctx, run.Scope, s.source.ID, s.since, vanishedAtOnce)
	if err != nil {
		return false, fmt.Errorf("looking for copies of what is gone: %w", err)
	}
	s.again = true
	for _, path := range paths {
		if leaves, err := run.leaves(ctx); leaves || err != nil {
			return true, err
		}
		e := connectors.Entry{Path: strings.TrimPrefix(path, s.source.SourcePath+"/")}
		reason, err := a.takeEntry(ctx, run, s, e)
		if err != nil {
			return false, err
		}
		if reason != "" {
			s.refuse(e.Path, reason)
		}
		// After it, so that a worker that is killed here leaves it to the next; and
		// whatever came of it, so that the next look does not find it again.
		if err := a.documents.DropOrphan(ctx, run.Scope, s.source.ID, path); err != nil {
			return false, err
		}
	}
	return len(paths) > 0, nil
}

// lookElsewhere has the other sources looked through that have files of a content which
// this run has taken out of the collection. It ends: what such a run does not find it has
// not seen.
func (a *appendWork) lookElsewhere(ctx context.Context, run *Run, s *scan) error {
	others, err := a.documents.ListSourcesOfOrphans(ctx, run.Scope, s.source.ID)
	if err != nil {
		return fmt.Errorf("looking for copies of what is gone: %w", err)
	}
	return a.rows.RequestMoreScans(ctx, run.Scope, others)
}

// endScan notes how the run over the source has ended.
func (a *appendWork) endScan(ctx context.Context, run *Run, s *scan) error {
	if s.err != nil && (errors.Is(s.err, errStopping) || ctx.Err() != nil) {
		return errStopping
	}
	outcome, problem := s.outcome()
	count := map[string]string{collections.RunSuccess: countSources, collections.RunPartial: countPartial, collections.RunFailed: countFailed}[outcome]
	if s.err != nil && apperr.From(s.err).Kind == apperr.Internal {
		run.worker.config.Logger.ErrorContext(ctx, "a source could not be looked through", "source_id", s.source.ID, "error", s.err)
	}
	var sum Progress
	err := a.db.InTx(ctx, func(ctx context.Context) (err error) {
		if s.err == nil && s.report.Complete() {
			if err := a.documents.ForgetCopies(ctx, run.Scope, s.source.ID, s.since); err != nil {
				return err
			}
		}
		if err := a.rows.EndScan(ctx, run.Scope, s.source, outcome, problem); err != nil {
			return err
		}
		if s.err == nil {
			if err := a.lookElsewhere(ctx, run, s); err != nil {
				return err
			}
		}
		if err := run.worker.tellScanned(ctx, run, s); err != nil {
			return err
		}
		sum, err = run.Advance(ctx, Progress{Counts: map[string]int64{count: 1}, Message: s.source.SourcePath}, true)
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a run over a source: %w", err)
	}
	run.committed(sum)
	s.stop()
	run.memory = nil
	return nil
}
