package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/statements"
)

// DefaultLong is how long a statement runs that is worth a question.
const DefaultLong = time.Hour

// Session is one that is at a statement, or holds a transaction open.
type Session struct {
	PID                              int
	User, Application, Client, State string
	// Age is how long its statement has run, or, where it is idle in a transaction, how
	// long it has been; that of its transaction, where others wait for it.
	Age time.Duration
	// Blocks is how many wait for its locks.
	Blocks int
	// Text of the statement, without values.
	Text string
}

// Idle reports whether it holds a transaction open and does nothing, so that there is no
// statement to end.
func (s Session) Idle() bool { return strings.HasPrefix(s.State, "idle") }

// sessionAge is how long a session has been at what it is at.
const sessionAge = `clock_timestamp() - case when state = 'active' then query_start else state_change end`

// selectLong leaves out this session, whatever is not a client (autovacuum, replication,
// parallel workers) and what is left alone. One that waits for the locks of another that
// can be ended is a victim and not at the root: it is left out too. One that waits for
// what is left alone is listed, since all who come after it wait for it.
const selectLong = `
with waiting as materialized (
    select pid, pg_blocking_pids(pid) as blocked_by
    from pg_stat_activity
    where wait_event_type = 'Lock' and datname = current_database()
), clients as materialized (
    select a.*, w.blocked_by, b.blocks
    from pg_stat_activity a
    left join waiting w on w.pid = a.pid
    cross join lateral (select count(*) as blocks from waiting x where a.pid = any(x.blocked_by)) b
    where a.datname = current_database()
      and a.backend_type = 'client backend'
      and a.pid <> pg_backend_pid()
), ours as materialized (
    select *, case when blocks > 0 then clock_timestamp() - xact_start else ` + sessionAge + ` end as age
    from clients
    where not (` + leftAlone + `)
)
select pid, coalesce(usename, '')::text, coalesce(application_name, ''), coalesce(host(client_addr), 'local'), coalesce(state, ''),
       extract(epoch from age)::float8, blocks, coalesce(query, '')
from ours
where age >= $1::interval
  and (state = 'active' and not exists (
           select 1
           from unnest(blocked_by) blocker
           where blocker = 0 or blocker in (select pid from ours)
       )
       or state like 'idle in transaction%' and ($2 or blocks > 0))
order by 6 desc
limit $3`

// leftAlone tells the sessions that nothing here ends: what makes a backup or brings one
// back, ours, those of PostgreSQL's programs and of the ones that people use with it,
// however they are called, and what changes the schema, which would leave an index half
// built. Whoever copies a table out is taken for a backup, and so is who stands idle in the
// snapshot that another of the same name copies from.
const leftAlone = `
   application_name ilike 'semantik backup%'
   or application_name ilike 'semantik restore%'
   or application_name ilike 'semantik schema%'
   or application_name ~* '(pg_dump|pg_dumpall|pg_restore|pg_basebackup|pg_receivewal|pgbackrest|barman|wal-g|pg_probackup|backup)'
   or application_name ilike 'semantik%' and query ~* '^\s*(create|drop|reindex)\s.*\mconcurrently\M'
   or query ~* '^\s*(select\s+pg_(backup|start_backup|stop_backup|export_snapshot)|base_backup|set\s+transaction\s+snapshot)'
   or query ~* '^\s*(declare|fetch|close)\M.*\m_pg_dump_cursor\M'
   or query ~* '^\s*lock\s+table\s.*\sin\s+access\s+share\s+mode'
   or pid in (select pid from pg_stat_progress_copy where command = 'COPY TO')
   or state like 'idle in transaction%' and (usename, application_name, backend_xmin::text) in (
       select x.usename, x.application_name, x.backend_xmin::text
       from pg_stat_progress_copy c
       join pg_stat_activity x on x.pid = c.pid
       where c.command = 'COPY TO'
   )`

// LongRunning lists the sessions of this database whose statement has run for at least so
// long, the oldest first, and those that hold a transaction open for so long, do nothing
// and keep others waiting; with idle also where nobody waits. Those of backups are not
// among them, nor PostgreSQL's own, nor who only waits for another that can be ended.
func (r *Repository) LongRunning(ctx context.Context, least time.Duration, idle bool, limit int) ([]Session, error) {
	type row struct {
		PID                              int
		User, Application, Client, State string
		Age                              float64
		Blocks                           int
		Text                             string
	}
	rows, err := collect[row](ctx, r, selectLong, least, idle, limit)
	if err != nil {
		return nil, err
	}
	found := make([]Session, len(rows))
	for i, s := range rows {
		found[i] = Session{s.PID, s.User, s.Application, s.Client, s.State, seconds(s.Age), s.Blocks, statements.Normalise(s.Text)}
	}
	return found, nil
}

// What ends a session's statement asks again all that selectLong has asked, since the
// session may have gone on to something else while somebody thought about it.
const (
	cancel    = `select pg_cancel_backend` + stillAtIt
	terminate = `select pg_terminate_backend` + stillAtIt
	stillAtIt = `(pid)
from pg_stat_activity
where pid = $1
  and datname = current_database()
  and backend_type = 'client backend'
  and pid <> pg_backend_pid()
  and (state = 'active' or state like 'idle in transaction%')
  and not (` + leftAlone + `)
  and case when $3 then clock_timestamp() - xact_start else ` + sessionAge + ` end >= $2::interval`
)

// End ends the statement of a session that is still at what it was: its age must be at
// least what it was when it was listed. With all the session is ended with it. ended is
// false where there was nothing to end any more, and where it does nothing and all is not
// asked for.
func (r *Repository) End(ctx context.Context, s Session, all bool) (ended bool, err error) {
	statement := cancel
	switch {
	case all:
		statement = terminate
	case s.Idle():
		return false, nil
	}
	err = r.db.Querier(ctx).QueryRow(ctx, statement, s.PID, s.Age, s.Blocks > 0).Scan(&ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ending what session %d is at: %w", s.PID, r.db.Translate(err))
	}
	return ended, nil
}
