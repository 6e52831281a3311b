package activity

import (
	"context"
	"slices"
	"time"

	"semantik/platform/statements"
)

// Waiter is a session that waits for others' locks, or that others wait for.
type Waiter struct {
	PID                              int
	User, Application, Client, State string
	// Age is how long it has waited, or how old its transaction is where it does not.
	Age time.Duration
	// BlockedBy are the sessions that it waits for; 0 stands for a prepared transaction.
	BlockedBy []int
	// Lock is what it waits for, such as "ShareLock on transactionid"; "" where it does
	// not.
	Lock string
	Text string
}

// selectWaiters asks for blockers only where somebody waits: the function takes the lock
// manager's own locks for a moment.
const selectWaiters = `
with waiting as materialized (
    select pid, pg_blocking_pids(pid) as blocked_by
    from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
)
select a.pid, coalesce(a.usename, '')::text, coalesce(a.application_name, ''), coalesce(host(a.client_addr), 'local'), coalesce(a.state, ''),
       coalesce(extract(epoch from clock_timestamp() - case when w.pid is null then a.xact_start else a.state_change end), 0)::float8,
       coalesce(w.blocked_by, '{}'),
       coalesce((
         select l.mode || ' on ' || coalesce(l.relation::regclass::text, l.locktype)
         from pg_locks l
         where l.pid = w.pid and not l.granted
         limit 1), ''),
       coalesce(a.query, '')
from pg_stat_activity a
left join waiting w on w.pid = a.pid
where w.pid is not null
   or a.pid in (select unnest(blocked_by) from waiting)
order by w.pid is not null, a.pid
limit 1000`

// Locks lists the sessions of this database that wait for locks, and those that they wait
// for: those first that wait for nobody, then by their numbers.
func (r *Repository) Locks(ctx context.Context) ([]Waiter, error) {
	type row struct {
		PID                              int
		User, Application, Client, State string
		Age                              float64
		BlockedBy                        []int
		Lock, Text                       string
	}
	rows, err := collect[row](ctx, r, selectWaiters)
	if err != nil {
		return nil, err
	}
	found := make([]Waiter, len(rows))
	for i, w := range rows {
		slices.Sort(w.BlockedBy) // parallel workers make it name one several times
		found[i] = Waiter{w.PID, w.User, w.Application, w.Client, w.State, seconds(w.Age), slices.Compact(w.BlockedBy), w.Lock, statements.Normalise(w.Text)}
	}
	return found, nil
}
