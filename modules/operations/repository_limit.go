package operations

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// Limits bound how many operations are worked on at once, over all processes; 0 is no
// bound. Purges do not count.
type Limits struct {
	// PerUser is for each user's, and Total for everybody's.
	PerUser, Total int
}

func (l Limits) none() bool { return l.PerUser == 0 && l.Total == 0 }

// limitLocks is the first key of the advisory locks; the second is the user, and 0 for
// everybody.
const limitLocks = 0x73656d6b

const (
	// lockLimit holds back whoever else is about to count, until the transaction ends.
	// The count has to be a statement after it, which sees what was committed by then.
	// Two users whose ids end alike share a lock, and nothing else.
	lockLimit = `select pg_advisory_xact_lock($1, ($2::bigint & 2147483647)::int)`

	// inHand are the operations that somebody works on: served by the index on the
	// active operations, of which few are processing.
	inHand = `
  select coalesce(user_id, 0) as owner, count(*) as n
  from operations
  where status = 'processing'
    and waits_for is null
    and lease_until > now()
    and type <> 'delete'
  group by 1`

	selectRoom = `
with busy as (` + inHand + `
)
select ($2 = 0 or coalesce((select n from busy where owner = $1), 0) < $2)
   and ($3 = 0 or coalesce((select sum(n) from busy), 0) < $3)`

	// What is in hand is left alone: its bell has rung twice. So is what a lost worker
	// had, for it is known by its lapsed lease.
	hold = `
update operations
set waits_for = 'limit'
where uuid = $1
  and (status = 'pending' or (status = 'processing' and waits_for is not null))`
)

// lockLimits takes the locks under which is decided who may begin: everybody's before
// the user's.
func (r *Repository) lockLimits(ctx context.Context, user *int64, limits Limits) error {
	if limits.Total > 0 {
		if _, err := r.db.Querier(ctx).Exec(ctx, lockLimit, limitLocks, 0); err != nil {
			return r.db.Translate(err)
		}
	}
	if limits.PerUser > 0 && user != nil {
		if _, err := r.db.Querier(ctx).Exec(ctx, lockLimit, limitLocks, *user); err != nil {
			return r.db.Translate(err)
		}
	}
	return nil
}

// Admit reports whether another operation of the user may be worked on. One that may not
// waits until there is room: see [Repository.NextHeld]. It decides under a lock that lasts
// until the unit of work of the context ends, in which the operation is claimed.
func (r *Repository) Admit(ctx context.Context, id uuid.UUID, user *int64, limits Limits) (bool, error) {
	if limits.none() {
		return true, nil
	}
	if _, err := r.db.Tx(ctx); err != nil {
		return false, err
	}
	if err := r.lockLimits(ctx, user, limits); err != nil {
		return false, err
	}
	perUser := limits.PerUser
	if user == nil { // the limit of somebody who is gone is nobody's
		perUser = 0
	}
	var room bool
	if err := r.db.Querier(ctx).QueryRow(ctx, selectRoom, ownerOf(user), perUser, limits.Total).Scan(&room); err != nil || room {
		return room, r.db.Translate(err)
	}
	_, err := r.db.Querier(ctx).Exec(ctx, hold, id)
	return false, r.db.Translate(err)
}

func ownerOf(user *int64) int64 {
	if user == nil {
		return 0
	}
	return *user
}

const (
	// selectHeld is served by the index on the operations that wait for a limit. Whoever
	// has the fewest in hand comes first, and then who has waited longest.
	selectHeld = `
with busy as (` + inHand + `
), waiting as (
  select $1::bigint as owner
  where $1::bigint is not null
  union
  select coalesce(user_id, 0)
  from operations
  where waits_for = 'limit'
    and $1::bigint is null
)
select next.uuid, next.type, next.begun
from waiting
left join busy using (owner)
cross join lateral (
  select o.uuid, o.type, o.status = 'processing' as begun, coalesce(o.lease_until, o.created_at) as since
  from operations o
  where o.waits_for = 'limit'
    and coalesce(o.user_id, 0) = waiting.owner
  order by coalesce(o.lease_until, o.created_at)
  limit 1
  for no key update skip locked
) next
where ($2 = 0 or owner = 0 or coalesce(busy.n, 0) < $2)
  and ($3 = 0 or coalesce((select sum(n) from busy), 0) < $3)
order by coalesce(busy.n, 0), next.since
limit $4`

	release = `
update operations
set waits_for = case when status = 'processing' then 'turn' end
where uuid = any($1)`
)

// Held is an operation that has waited for a limit.
type Held struct {
	UUID uuid.UUID
	Type Type
	// Begun means that it has used up a slice already.
	Begun bool
}

// NextHeld finds the operations that have waited for a limit that has room now, of each
// user the one that has waited longest and at most limit in all, and has them wait for it
// no more: the jobs that ring for them belong into the same transaction. With a user it is
// about that user's alone. It takes the lock of [Repository.Admit], so that what is being
// sent to wait is seen.
func (r *Repository) NextHeld(ctx context.Context, user *int64, limits Limits, limit int) ([]Held, error) {
	if _, err := r.db.Tx(ctx); err != nil {
		return nil, err
	}
	if err := r.lockLimits(ctx, user, limits); err != nil {
		return nil, err
	}
	only := user
	if limits.Total > 0 { // there is room for anybody
		only = nil
	}
	rows, err := r.db.Querier(ctx).Query(ctx, selectHeld, only, limits.PerUser, limits.Total, limit)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Held])
	if err != nil || len(found) == 0 {
		return nil, r.db.Translate(err)
	}
	ids := make([]uuid.UUID, len(found))
	for i, h := range found {
		ids[i] = h.UUID
	}
	_, err = r.db.Querier(ctx).Exec(ctx, release, ids)
	return found, r.db.Translate(err)
}

// selectAnyHeld is served by the index on the operations that wait for a limit.
const selectAnyHeld = `
select exists (
  select 1
  from operations
  where waits_for = 'limit'
    and ($1::bigint is null or coalesce(user_id, 0) = $1)
)`

// AnyHeld reports whether an operation, of the user or of anybody, waits for a limit.
func (r *Repository) AnyHeld(ctx context.Context, user *int64) (bool, error) {
	var found bool
	err := r.db.Querier(ctx).QueryRow(ctx, selectAnyHeld, user).Scan(&found)
	return found, r.db.Translate(err)
}
