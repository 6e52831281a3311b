package collections

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/gorm"
)

// Outcomes of a run over a source, and of a run over all sources of a collection.
const (
	RunRunning = "running"
	RunSuccess = "success"
	RunFailed  = "failed"
	RunPartial = "partial"
)

// NextScan gives the collection's source that has waited longest for a run over it;
// false when none waits. It is served by the unique key (collection_id, source_path).
func (r *Repository) NextScan(ctx context.Context, scope Scope) (Source, bool, error) {
	var s Source
	err := r.db.Session(ctx).
		Where("collection_id = ? and scan_requested_at is not null", scope.ID()).
		Order("scan_requested_at, id").
		Take(&s).Error
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return s, false, nil
	}
	return s, err == nil, r.db.Translate(err)
}

// countScans is served by the unique key (collection_id, source_path).
const countScans = `
select count(*)
from collection_sources
where collection_id = $1
  and scan_requested_at is not null`

// CountScans counts the collection's sources that wait for a run over them, those
// included that are being run over.
func (r *Repository) CountScans(ctx context.Context, scope Scope) (int64, error) {
	var n int64
	err := r.db.Querier(ctx).QueryRow(ctx, countScans, scope.ID()).Scan(&n)
	return n, r.db.Translate(err)
}

// beginScan is served by the primary key. A run that was broken off goes on: what it
// has seen by then counts.
const beginScan = `
update collection_sources
set last_run_started_at = case
      when last_run_status = 'running' and last_run_started_at >= scan_requested_at then last_run_started_at
      else clock_timestamp()
    end,
    scan_position = case when last_run_status = 'running' and last_run_started_at >= scan_requested_at then scan_position end,
    last_run_status = 'running',
    last_run_completed_at = null,
    last_error = null,
    updated_at = now()
where id = $2
  and collection_id = $1
  and scan_requested_at is not null
returning last_run_started_at, coalesce(scan_position, '')`

// BeginScan begins a run over a source, or goes on with the one that was broken off,
// and tells since when what is seen belongs to it, and up to which entry it is through;
// "" for none. [ErrSourceNotFound] when the source is gone, or waits no more.
func (r *Repository) BeginScan(ctx context.Context, scope Scope, id int64) (began time.Time, position string, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, beginScan, scope.ID(), id).Scan(&began, &position)
	if errors.Is(err, pgx.ErrNoRows) {
		return began, "", ErrSourceNotFound
	}
	return began, position, r.db.Translate(err)
}

// noteScan is served by the primary key.
const noteScan = `
update collection_sources
set scan_position = $3
where id = $2
  and collection_id = $1
  and last_run_status = 'running'`

// NoteScan says that the run over the source is through up to this entry, so that it
// goes on after it when it is broken off.
func (r *Repository) NoteScan(ctx context.Context, scope Scope, id int64, position string) error {
	_, err := r.db.Querier(ctx).Exec(ctx, noteScan, scope.ID(), id, position)
	return r.db.Translate(err)
}

const (
	// endScan is served by the primary key. A request that came in meanwhile stays.
	endScan = `
update collection_sources
set scan_requested_at = case when scan_requested_at > $3 then scan_requested_at end,
    scan_config = case when scan_requested_at > $3 then scan_config end,
    scan_position = null,
    last_run_status = $4,
    last_run_completed_at = now(),
    last_error = $5,
    updated_at = now()
where id = $2
  and collection_id = $1`

	// countScan is served by the index (collection_id, …). One operation at a time
	// works on a collection, so the run that goes on is its own.
	countScan = `
update sync_runs
set completed_sources = completed_sources + case when $2 = 'success' then 1 else 0 end,
    failed_sources = failed_sources + case when $2 = 'failed' then 1 else 0 end,
    partial_sources = partial_sources + case when $2 = 'partial' then 1 else 0 end,
    error_summary = case when $3::text is null then error_summary
                         else left(coalesce(error_summary || ' ', '') || $3, 2000) end
where collection_id = $1
  and status = 'running'`
)

// EndScan ends the run over a source that answers a request, with what went wrong for
// people; "" for nothing. It needs a unit of work.
func (r *Repository) EndScan(ctx context.Context, scope Scope, s Source, outcome, problem string) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	var told *string
	if problem != "" {
		told = &problem
	}
	if _, err := tx.Exec(ctx, endScan, scope.ID(), s.ID, s.ScanRequestedAt, outcome, told); err != nil {
		return r.db.Translate(err)
	}
	_, err = tx.Exec(ctx, countScan, scope.ID(), outcome, told)
	return r.db.Translate(err)
}

// abandonScans is served by the unique key (collection_id, source_path).
const abandonScans = `
update collection_sources
set scan_requested_at = null,
    scan_config = null,
    scan_position = null,
    last_run_status = 'failed',
    last_run_completed_at = now(),
    last_error = $2,
    updated_at = now()
where collection_id = $1
  and scan_requested_at is not null`

// AbandonScans ends what waits or goes on of runs over the collection's sources, for
// the reason, and tells of how many sources.
func (r *Repository) AbandonScans(ctx context.Context, scope Scope, reason string) (int64, error) {
	tag, err := r.db.Querier(ctx).Exec(ctx, abandonScans, scope.ID(), reason)
	return tag.RowsAffected(), r.db.Translate(err)
}

// deleteSource is served by the primary key. What it remembers of copies goes with it.
const deleteSource = `
delete from collection_sources
where id = $2
  and collection_id = $1`

// DeleteSource removes a source that has no documents any more.
func (r *Repository) DeleteSource(ctx context.Context, scope Scope, id int64) error {
	_, err := r.db.Querier(ctx).Exec(ctx, deleteSource, scope.ID(), id)
	return r.db.Translate(err)
}
