package collections

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// requestScans is served by the unique key (collection_id, source_path). What was
// uploaded lies nowhere where it could be looked for again.
const requestScans = `
update collection_sources
set scan_requested_at = clock_timestamp()
where collection_id = $1
  and source_type <> 'upload'`

// RequestScans notes that an operation is to look for what has changed in all of the
// collection's sources, and tells how many those are.
func (r *Repository) RequestScans(ctx context.Context, scope Scope) (int, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, requestScans, scope.ID())
	return int(tag.RowsAffected()), r.db.Translate(err)
}

const (
	// requestMoreScans is served by the primary key.
	requestMoreScans = `
update collection_sources
set scan_requested_at = clock_timestamp()
where id = any($2)
  and collection_id = $1
  and scan_requested_at is null`

	// expectMore is served by the index (collection_id, started_at desc, id desc).
	expectMore = `
update sync_runs
set expected_sources = expected_sources + $2
where collection_id = $1
  and status = 'running'`
)

// RequestMoreScans notes that these sources are to be looked through too, by the
// operation that is at work, and that its run goes over more of them for that. It needs a
// unit of work.
func (r *Repository) RequestMoreScans(ctx context.Context, scope Scope, ids []int64) error {
	tx, err := r.db.Tx(ctx)
	if err != nil || len(ids) == 0 {
		return err
	}
	tag, err := tx.Exec(ctx, requestMoreScans, scope.ID(), ids)
	if err == nil && tag.RowsAffected() > 0 {
		_, err = tx.Exec(ctx, expectMore, scope.ID(), tag.RowsAffected())
	}
	return r.db.Translate(err)
}

// noteRun is served by the primary key.
const noteRun = `
update collections
set sync_last_run_started_at = now(),
    sync_last_run_completed_at = null,
    sync_last_run_status = 'running',
    sync_last_error = null,
    sync_next_run_at = case when sync_mode = 'continuous' and sync_paused_at is null
                            then now() + make_interval(mins => sync_interval_minutes) end,
    updated_at = now()
where id = $1
  and deleted_at is null`

// CreateSyncRun begins a run, and says so on the collection's row. It needs a unit of
// work.
func (r *Repository) CreateSyncRun(ctx context.Context, scope Scope, run *SyncRun) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	run.CollectionID, run.Status = scope.ID(), RunRunning
	if err := r.db.Session(ctx).Create(run).Error; err != nil {
		return r.db.Translate(err)
	}
	_, err = tx.Exec(ctx, noteRun, scope.ID())
	return r.db.Translate(err)
}

// finishRun is served by the index (collection_id, started_at desc, id desc).
const finishRun = `
with ended as (
  update sync_runs
  set status = case
        when $2::text is not null then 'failed'
        when failed_sources = 0 and partial_sources = 0 then 'success'
        when completed_sources = 0 and partial_sources = 0 then 'failed'
        else 'partial'
      end,
      completed_at = now(),
      error_summary = coalesce($2, error_summary)
  where collection_id = $1
    and status = 'running'
  returning status, completed_at, expected_sources, partial_sources, failed_sources
)
update collections c
set sync_last_run_completed_at = ended.completed_at,
    sync_last_run_status = ended.status,
    sync_last_error = case
      when ended.status = 'success' then null
      when $2::text is not null then $2
      else format('%s of %s sources could be read only in part, and %s not at all. The run has the reasons.',
        ended.partial_sources, ended.expected_sources, ended.failed_sources)
    end,
    updated_at = now()
from ended
where c.id = $1`

// FinishSyncRun ends the collection's run that goes on, if there is one: as its sources
// ended, or as failed for the reason. What is told on the collection's row, which is for
// whoever may read it, names no files: those may be no documents. The operation that carries it out ends in the
// same unit of work.
func (r *Repository) FinishSyncRun(ctx context.Context, scope Scope, reason string) error {
	var told *string
	if reason != "" {
		told = &reason
	}
	_, err := r.db.Querier(ctx).Exec(ctx, finishRun, scope.ID(), told)
	return r.db.Translate(err)
}

// ListSyncRuns lists the collection's runs, the newest first, with the total. It is
// served by the index (collection_id, started_at desc, id desc).
func (r *Repository) ListSyncRuns(ctx context.Context, scope Scope, page database.Page) ([]SyncRun, int64, error) {
	return r.runs.List(ctx, page, "started_at desc, id desc", ofCollection(scope))
}

// selectDue is served by the partial index on sync_next_run_at. A collection that was
// never scheduled is due.
const selectDue = `
select id
from collections
where sync_mode = 'continuous'
  and sync_paused_at is null
  and deleted_at is null
  and (sync_next_run_at is null or sync_next_run_at <= now())
order by sync_next_run_at nulls first
limit $1`

// ListDue gives the ids of collections that are due to be synchronised, at most limit.
func (r *Repository) ListDue(ctx context.Context, limit int) ([]uuid.UUID, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectDue, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return ids, r.db.Translate(err)
}

// postpone is served by the primary key.
const postpone = `
update collections
set sync_next_run_at = now() + $2::interval
where id = $1
  and deleted_at is null`

// Postpone makes the collection due again after a while.
func (r *Repository) Postpone(ctx context.Context, scope Scope, by time.Duration) error {
	_, err := r.db.Querier(ctx).Exec(ctx, postpone, scope.ID(), by)
	return r.db.Translate(err)
}

// pauseSync and resumeSync are served by the primary key. A resumed collection is due
// at once.
const (
	pauseSync = `
update collections
set sync_paused_at = coalesce(sync_paused_at, now()),
    sync_next_run_at = null,
    updated_at = now()
where id = $1
  and deleted_at is null
  and sync_mode = 'continuous'
returning id`

	resumeSync = `
update collections
set sync_next_run_at = case when sync_paused_at is null then sync_next_run_at else now() end,
    sync_paused_at = null,
    updated_at = case when sync_paused_at is null then updated_at else now() end
where id = $1
  and deleted_at is null
  and sync_mode = 'continuous'
returning id`
)

// PauseSync keeps the collection from being synchronised by itself; [ErrNotContinuous]
// when it is not anyway.
func (r *Repository) PauseSync(ctx context.Context, scope Scope) error {
	return r.setSync(ctx, scope, pauseSync)
}

// ResumeSync has a paused collection synchronised at once, and then in its interval;
// one that is not paused stays as it is. [ErrNotContinuous] as with PauseSync.
func (r *Repository) ResumeSync(ctx context.Context, scope Scope) error {
	return r.setSync(ctx, scope, resumeSync)
}

func (r *Repository) setSync(ctx context.Context, scope Scope, sql string) error {
	var id uuid.UUID
	err := r.db.Querier(ctx).QueryRow(ctx, sql, scope.ID()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return ErrNotContinuous
	}
	return r.db.Translate(err)
}
