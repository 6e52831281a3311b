package collections

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// SyncNow starts a run over all sources of a collection that can be read again: what is
// new is added, what has changed replaced, and what is gone deleted. It needs [Write].
// It returns [ErrWrongStatus] for a collection that is not ready, [ErrNoSources] when
// there is nothing to look through, and a conflict while an operation is active.
func (s *Service) SyncNow(ctx context.Context, id uuid.UUID) (SyncRun, error) {
	var run SyncRun
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		scope, err := s.Authorize(ctx, id, Write)
		if err != nil {
			return err
		}
		who, err := auth.Require(ctx)
		if err != nil {
			return err
		}
		run, err = s.sync(ctx, scope, who.UserID, TriggeredByManual)
		return err
	})
	return run, err
}

// syncable are the states in which a run may start: also those that it may be the way
// out of.
var syncable = map[Status]bool{StatusReady: true, StatusError: true, StatusDegraded: true}

// sync starts a run in the unit of work of the context.
func (s *Service) sync(ctx context.Context, scope Scope, userID int64, triggeredBy string) (SyncRun, error) {
	status, err := s.repository.Lock(ctx, scope)
	if err != nil {
		return SyncRun{}, err
	}
	if !syncable[status] {
		return SyncRun{}, ErrWrongStatus.WithMessagef("The collection is %s. It can be synchronised once its operation has ended.", status).
			WithDetail("from", status)
	}
	sources, err := s.repository.RequestScans(ctx, scope)
	if err != nil {
		return SyncRun{}, err
	}
	if sources == 0 {
		return SyncRun{}, ErrNoSources
	}
	run := SyncRun{TriggeredBy: triggeredBy, ExpectedSources: sources}
	if err := s.repository.CreateSyncRun(ctx, scope, &run); err != nil {
		return SyncRun{}, err
	}
	operation, err := s.sourceWork.StartSync(ctx, scope, userID, map[string]any{
		"sync_run_id": run.ID, "triggered_by": triggeredBy, "sources": sources,
	})
	if err != nil {
		return SyncRun{}, err
	}
	return run, s.audit.Record(ctx, audit.Entry{
		Action: "collection.sync", ObjectType: objectType, ObjectID: scope.ID().String(),
		Details: map[string]any{"operation_id": operation, "sync_run_id": run.ID, "triggered_by": triggeredBy},
	})
}

// SyncRuns lists the runs over a collection's sources, the newest first. It needs
// [Write], as the sources do.
func (s *Service) SyncRuns(ctx context.Context, id uuid.UUID, page database.Page) ([]SyncRun, int64, error) {
	scope, err := s.Authorize(ctx, id, Write)
	if err != nil {
		return nil, 0, err
	}
	return s.repository.ListSyncRuns(ctx, scope, page)
}

// PauseSync keeps a collection from being synchronised by itself, until ResumeSync,
// which makes it due at once. Both need [Write], and return [ErrNotContinuous] for a
// collection that is not synchronised by itself.
func (s *Service) PauseSync(ctx context.Context, id uuid.UUID) (Collection, error) {
	return s.changeSync(ctx, id, "collection.sync_pause", s.repository.PauseSync)
}

// ResumeSync ends what [Service.PauseSync] has begun.
func (s *Service) ResumeSync(ctx context.Context, id uuid.UUID) (Collection, error) {
	return s.changeSync(ctx, id, "collection.sync_resume", s.repository.ResumeSync)
}

func (s *Service) changeSync(ctx context.Context, id uuid.UUID, action string, change func(ctx context.Context, scope Scope) error) (Collection, error) {
	var c Collection
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		scope, err := s.Authorize(ctx, id, Write)
		if err != nil {
			return err
		}
		if err := change(ctx, scope); err != nil {
			return err
		}
		if c, err = s.repository.GetByUUID(ctx, id); err != nil {
			return err
		}
		return s.audit.Record(ctx, audit.Entry{Action: action, ObjectType: objectType, ObjectID: id.String(), Details: map[string]any{}})
	})
	return c, err
}

const (
	// dueAtOnce is how many collections one look starts runs on.
	dueAtOnce = 100
	// busyAgain is when a collection is looked at again that has an operation.
	busyAgain = time.Minute
)

// SyncDue starts a run on each collection that is due, and tells on how many. One that
// is busy, or on which none could be started, comes again in a minute. When it is due stands in the database, so that no
// restart forgets it; and as only one operation of a collection is active, no source is
// read twice at once.
func (s *Service) SyncDue(ctx context.Context) (started int, err error) {
	due, err := s.repository.ListDue(ctx, dueAtOnce)
	if err != nil {
		return 0, fmt.Errorf("looking for collections to synchronise: %w", err)
	}
	var failed error
	for _, id := range due {
		did, err := s.syncDue(ctx, id)
		if did {
			started++
		}
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("synchronising collection %s: %w", id, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return started, failed
}

// syncDue starts a run on one collection, or says when it is to be looked at again.
func (s *Service) syncDue(ctx context.Context, id uuid.UUID) (started bool, err error) {
	scope, err := s.ScopeForWork(ctx, id)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		_, err := s.sync(ctx, scope, scope.OwnerID(), TriggeredByScheduler)
		return err
	})
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, ErrNotFound):
		return false, nil
	case errors.Is(err, ErrNoSources):
		c := scope.Collection()
		return false, s.repository.Postpone(ctx, scope, time.Duration(valueOr(c.SyncIntervalMinutes, MinSyncInterval))*time.Minute)
	case apperr.KindOf(err) == apperr.Conflict:
		return false, s.repository.Postpone(ctx, scope, busyAgain)
	default:
		// It makes room for others: those that are due for longest are looked at first.
		return false, errors.Join(err, s.repository.Postpone(ctx, scope, busyAgain))
	}
}
