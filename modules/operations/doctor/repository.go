package doctor

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// repository has the statements that belong to no module: on the catalog, and on what
// several modules share.
type repository struct{ db *database.DB }

// bePatient lets the statements of the unit of work take long, and wait for nobody.
func (r *repository) bePatient(ctx context.Context) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `select set_config('statement_timeout', '15min', true), set_config('lock_timeout', '5s', true)`)
	return r.db.Translate(err)
}

// exec runs a statement in the unit of work of the context.
func (r *repository) exec(ctx context.Context, sql string, args ...any) (int64, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return 0, err
	}
	tag, err := tx.Exec(ctx, sql, args...)
	return tag.RowsAffected(), r.db.Translate(err)
}

// number gives the number that a statement answers with.
func (r *repository) number(ctx context.Context, sql string, args ...any) (n int64, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, sql, args...).Scan(&n)
	return n, r.db.Translate(err)
}

// texts gives the texts that a statement selects.
func (r *repository) texts(ctx context.Context, sql string, args ...any) ([]string, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, sql, args...)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	return found, r.db.Translate(err)
}

const (
	makePartitions      = `select make_chunk_partitions()`
	makeAuditPartitions = `select make_audit_log_partitions(3)`

	leaveSources = `
update documents d
set source_id = null,
    updated_at = now()
where d.id = any(array(
    select d.id
    from documents d
    left join collection_sources s on s.id = d.source_id
    where d.source_id is not null
      and s.collection_id is distinct from d.collection_id
    limit $1
    for no key update of d
  ))
  and not exists (select 1 from collection_sources s where s.id = d.source_id and s.collection_id = d.collection_id)`

	// What is processed without a lease is taken up once the one that it gets here has
	// lapsed, which it has.
	mendLeases = `
update operations
set worker = case when status = 'processing' then coalesce(worker, 'doctor') end,
    lease_until = case when status = 'processing' then coalesce(lease_until, now()) end,
    waits_for = case when status = 'processing' or waits_for = 'limit' then waits_for end
where id = any(array(
    select id
    from operations
    where (status = 'processing') <> (lease_until is not null and worker is not null)
       or (status <> 'processing' and (lease_until is not null or worker is not null))
       or (waits_for in ('turn', 'retry') and status <> 'processing')
    limit $1
    for no key update
  ))`

	discardJobs = `
update river.river_job
set state = 'discarded',
    finalized_at = now()
where id = any(array(
    select j.id
    from river.river_job j
    where j.kind = 'operation'
      and j.state in ('available', 'pending', 'retryable', 'scheduled')
      and not exists (select 1 from operations o where o.uuid::text = j.args ->> 'operation_id')
    limit $1
    for update skip locked
  ))`

	endRuns = `
update sync_runs r
set status = 'failed',
    completed_at = now(),
    error_summary = coalesce(error_summary, 'The operation that it belonged to is not there any more.')
where r.id = any(array(
    select r.id
    from sync_runs r
    where r.status = 'running'
      and r.started_at < now() - interval '1 hour'
      and not exists (select 1 from operations o where o.collection_id = r.collection_id and o.status in ('pending', 'processing'))
    limit $1
    for no key update
  ))`

	selectUnrung = `
select uuid
from operations
where status = 'pending'
  and waits_for is null
order by created_at`

	selectStuck = `
select c.status in ('pending', 'processing') or exists (
  select 1 from documents d where d.collection_id = c.id and d.partition_key = c.partition_key and d.status = 'processing'
)
from collections c
where c.id = $1
  and not exists (select 1 from operations o where o.collection_id = c.id and o.status in ('pending', 'processing'))`

	countWrongSources = `
select count(*)
from collection_sources s
cross join lateral (
  select count(*) as n, coalesce(sum(file_size), 0) as bytes from documents where source_id = s.id and status <> 'deleted'
) d
where s.collection_id = $1
  and (s.document_count, s.size_bytes) is distinct from (d.n, d.bytes)
  and not exists (select 1 from operations o where o.collection_id = s.collection_id and o.status in ('pending', 'processing'))`
)

// listUnrung gives the operations that wait for nothing but a worker.
func (r *repository) listUnrung(ctx context.Context) ([]uuid.UUID, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectUnrung)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	return found, r.db.Translate(err)
}

// isStuck reports whether the collection, which is locked, waits for an operation and has
// none.
func (r *repository) isStuck(ctx context.Context, scope collections.Scope) (bool, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectStuck, scope.ID())
	if err != nil {
		return false, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[bool])
	return len(found) > 0 && found[0], r.db.Translate(err)
}

// countWrongSources counts the sources of the collection, which is locked, whose counters
// are wrong.
func (r *repository) countWrongSources(ctx context.Context, scope collections.Scope) (int64, error) {
	return r.number(ctx, countWrongSources, scope.ID())
}
