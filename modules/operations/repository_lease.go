package operations

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/platform/events"
)

// claim is served by the unique key on uuid. Raising attempt invalidates every
// step that an earlier holder of the lease may still be in the middle of. What the row
// was like before is read under its lock: its last holder may just have let go of it.
const claim = `
update operations o
set status = 'processing',
    attempt = o.attempt + 1,
    worker = $2,
    lease_until = now() + $3::interval,
    started_at = coalesce(o.started_at, now()),
    waits_for = null,
    meta = jsonb_set(o.meta, '{stalled}', to_jsonb(coalesce((o.meta ->> 'stalled')::int, 0) + 1))
from (
  select id, status, worker, waits_for
  from operations
  where uuid = $1
  for no key update
) before
where o.id = before.id
  and (o.status = 'pending' or (o.status = 'processing' and (o.lease_until < now() or o.waits_for is not null)))
returning o.id, o.collection_id, o.user_id, o.type, o.config, o.attempt, o.meta,
          before.status = 'processing' and before.waits_for in ('turn', 'limit'),
          before.status = 'processing' and before.waits_for is null and before.worker <> $2,
          o.started_at`

// Claim takes the operation for this worker for the length of the lease; false
// when there is nothing to take: it has ended, or another worker has it. It tells so,
// unless the operation only goes on after a turn of others.
func (r *Repository) Claim(ctx context.Context, id uuid.UUID, worker string, lease time.Duration) (o Operation, claimed bool, err error) {
	err = r.db.InTx(ctx, func(ctx context.Context) error {
		if o, claimed, err = r.claim(ctx, id, worker, lease); err != nil || !claimed {
			return err
		}
		if o.found.resumed {
			return nil
		}
		return r.tellStarted(ctx, o)
	})
	return o, claimed && err == nil, err
}

func (r *Repository) claim(ctx context.Context, id uuid.UUID, worker string, lease time.Duration) (Operation, bool, error) {
	o := Operation{UUID: id, Status: StatusProcessing, Worker: &worker}
	var meta []byte
	var resumed, lost *bool // null is false
	err := r.db.Querier(ctx).QueryRow(ctx, claim, id, worker, lease).
		Scan(&o.ID, &o.CollectionID, &o.UserID, &o.Type, &o.Config, &o.Attempt, &meta, &resumed, &lost, &o.StartedAt)
	if errors.Is(err, pgx.ErrNoRows) {
		return o, false, nil
	}
	if err != nil {
		return o, false, r.db.Translate(err)
	}
	if err := json.Unmarshal(meta, &o.Meta); err != nil {
		return o, false, fmt.Errorf("reading an operation's progress: %w", err)
	}
	o.found = found{resumed: resumed != nil && *resumed, lost: lost != nil && *lost}
	return o, true, nil
}

// The guard of every statement below: the operation is still the one that this
// attempt has claimed.
const (
	holds = `
select 1
from operations
where id = $1
  and attempt = $2
  and status = 'processing'`

	renew = `
update operations
set lease_until = now() + $3::interval
where id = $1
  and attempt = $2
  and status = 'processing'`

	// What is done is added to what the row says, which it locks: steps of one
	// operation may end at the same time.
	advance = `
update operations
set lease_until = now() + $3::interval,
    meta = (case when $9 then meta - 'stalled' - 'interrupted' else meta end) || jsonb_build_object('progress', jsonb_build_object(
      'done', coalesce((meta #>> '{progress,done}')::bigint, 0) + $4,
      'failed', coalesce((meta #>> '{progress,failed}')::bigint, 0) + $5,
      'skipped', coalesce((meta #>> '{progress,skipped}')::bigint, 0) + $10,
      'chunks', coalesce((meta #>> '{progress,chunks}')::bigint, 0) + $6,
      'total', $7::bigint,
      'counts', (
        select coalesce(jsonb_object_agg(name, n), '{}')
        from (
          select name, sum(n::bigint) as n
          from (
            select * from jsonb_each_text(coalesce(meta #> '{progress,counts}', '{}')) as was (name, n)
            union all
            select * from jsonb_each_text(coalesce($11::jsonb, '{}')) as more (name, n)
          ) both_of_them
          group by name
        ) summed),
      'message', $8::text))
where id = $1
  and attempt = $2
  and status = 'processing'
returning meta -> 'progress'`

	keep = `
update operations
set meta = jsonb_set(meta, '{kept}', coalesce(meta -> 'kept', '[]') || $3::jsonb)
where id = $1
  and attempt = $2
  and status = 'processing'
  and jsonb_array_length(coalesce(meta -> 'kept', '[]')) < $4`

	// A worker that stops was not lost: its claim does not count as one.
	handBack = `
update operations
set status = 'pending',
    worker = null,
    lease_until = null,
    meta = jsonb_set(meta, '{stalled}', to_jsonb(greatest(coalesce((meta ->> 'stalled')::int, 0) - 1, 0)))
where id = $1
  and attempt = $2
  and status = 'processing'`

	// Neither was one that lets others have their turn.
	yield = `
update operations
set lease_until = now(),
    waits_for = 'turn',
    meta = jsonb_set(meta, '{stalled}', to_jsonb(greatest(coalesce((meta ->> 'stalled')::int, 0) - 1, 0)))
where id = $1
  and attempt = $2
  and status = 'processing'`

	// An attempt that ended with an error that passes is counted apart.
	putOff = `
update operations
set lease_until = now() + $3::interval,
    waits_for = 'retry',
    meta = case when $4 then meta || jsonb_build_object(
             'stalled', greatest(coalesce((meta ->> 'stalled')::int, 0) - 1, 0),
             'interrupted', coalesce((meta ->> 'interrupted')::int, 0) + 1) else meta end
where id = $1
  and attempt = $2
  and status = 'processing'`

	finish = `
update operations
set status = $3,
    error_message = $4,
    meta = case when $5::jsonb is null then meta - 'stalled' - 'interrupted'
                else (meta - 'stalled' - 'interrupted') || jsonb_build_object('result', $5::jsonb) end,
    worker = null,
    lease_until = null,
    completed_at = now()
where id = $1
  and attempt = $2
  and status = 'processing'`
)

// Holds asks whether the operation is still ours; errLost when it is not any more.
func (r *Repository) Holds(ctx context.Context, o Operation) error {
	return r.guarded(ctx, holds, o)
}

// Renew holds the lease for another while; errLost when it is not ours any more.
func (r *Repository) Renew(ctx context.Context, o Operation, lease time.Duration) error {
	return r.guarded(ctx, renew, o, lease)
}

// Advance adds to how far the operation is, and gives the sum; total and message
// are set. It is the last statement of a step's transaction, after the
// collection's counters: errLost rolls the step back.
func (r *Repository) Advance(ctx context.Context, o Operation, lease time.Duration, more Progress, moved bool) (Progress, error) {
	var sum Progress
	err := r.db.Querier(ctx).QueryRow(ctx, advance, o.ID, o.Attempt, lease, more.Done, more.Failed, more.Chunks, more.Total, more.Message, moved, more.Skipped, more.Counts).
		Scan(&sum)
	if errors.Is(err, pgx.ErrNoRows) {
		return sum, errLost
	}
	return sum, r.db.Translate(err)
}

// Keep names a document that is left as it is, in the transaction of its step, unless
// the operation names [MaxKept] already.
func (r *Repository) Keep(ctx context.Context, o Operation, d KeptDocument) error {
	_, err := r.db.Querier(ctx).Exec(ctx, keep, o.ID, o.Attempt, d, MaxKept)
	return r.db.Translate(err)
}

// seize is served by the unique key on uuid. It makes the operation one of an attempt of
// its own, so that no worker goes on with it.
const seize = `
update operations
set status = 'processing',
    attempt = case when worker = $2 then attempt else attempt + 1 end,
    worker = $2,
    lease_until = now() + $3::interval,
    started_at = coalesce(started_at, now()),
    waits_for = null
where uuid = $1
  and status in ('pending', 'processing')`

// Seize takes the operation out of the hands of whoever has it, for as long as the lease,
// or holds it for another while where the name has it already. Who does so is no worker:
// once the lease lapses, one takes the operation up. [ErrEnded] when it has ended.
func (r *Repository) Seize(ctx context.Context, id uuid.UUID, name string, lease time.Duration) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, seize, id, name, lease)
	if err == nil && tag.RowsAffected() == 0 {
		return ErrEnded
	}
	return r.db.Translate(err)
}

// HandBack makes the operation pending again, for a worker that stops. The job
// that rings for it belongs into the same transaction.
func (r *Repository) HandBack(ctx context.Context, o Operation) error {
	return r.guarded(ctx, handBack, o)
}

// Yield lets go of the operation, so that others have their turn; whoever is rung for
// next goes on with it. To clients it is worked on as before. The job that rings for it
// belongs into the same transaction.
func (r *Repository) Yield(ctx context.Context, o Operation) error {
	return r.guarded(ctx, yield, o)
}

// PutOff lets go of the operation for a while, after an attempt that has ended with an
// error; passes says that it is one of those that pass. The job that rings when the time
// is over belongs into the same transaction.
func (r *Repository) PutOff(ctx context.Context, o Operation, wait time.Duration, passes bool) error {
	return r.guarded(ctx, putOff, o, wait, passes)
}

// Finish ends the operation, with the reason where it failed, and tells so, after what
// else there is to tell.
func (r *Repository) Finish(ctx context.Context, o Operation, to Status, reason *string, result map[string]any, told ...events.Event) error {
	return r.db.InTx(ctx, func(ctx context.Context) error {
		if err := r.guarded(ctx, finish, o, to, reason, result); err != nil {
			return err
		}
		return r.tellEnded(ctx, o, to, told...)
	})
}

func (r *Repository) guarded(ctx context.Context, sql string, o Operation, args ...any) error {
	tag, err := r.db.Querier(ctx).Exec(ctx, sql, append([]any{o.ID, o.Attempt}, args...)...)
	if err != nil {
		return r.db.Translate(err)
	}
	if tag.RowsAffected() == 0 {
		return errLost
	}
	return nil
}

// selectUnattended is served by the index on the active operations. SKIP LOCKED,
// because every process looks, and one of them is enough. First come those whose worker
// is gone: of those that wait for their turn there may be many, and their bells hang.
const selectUnattended = `
select uuid, type, waits_for, task_id
from operations
where (status = 'processing' and lease_until < now() and waits_for is distinct from 'limit')
   or (status = 'pending' and created_at < now() - $1::interval and waits_for is null)
order by (status = 'processing' and waits_for is null) desc, created_at
limit $2
for no key update skip locked`

// Unattended is an operation that nobody may be working on.
type Unattended struct {
	UUID     uuid.UUID
	Type     Type
	WaitsFor *Wait
	TaskID   *int64
}

// LockUnattended finds the operations whose lease has lapsed, and those that
// have been pending for longer than grace, at most limit, and locks them until
// the transaction ends. Those that wait for a limit are none of them.
func (r *Repository) LockUnattended(ctx context.Context, grace time.Duration, limit int) ([]Unattended, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	rows, err := r.db.Querier(ctx).Query(ctx, selectUnattended, grace, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Unattended])
	return found, r.db.Translate(err)
}
