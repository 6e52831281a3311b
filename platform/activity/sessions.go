package activity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/statements"
)

// Connections is how many sessions are alike.
type Connections struct {
	Database, Application, User, State, Client string
	Count                                      int64
	// Longest is how long that one has been in its state which has been in it longest.
	Longest time.Duration
}

// ConnectionLimits are how many there may be.
type ConnectionLimits struct {
	// Used are all sessions of everybody's programs; Max is the most that there may be, of
	// which Reserved are kept for superusers.
	Used, Max, Reserved int64
}

const selectConnections = `
select coalesce(datname, '')::text, coalesce(application_name, ''), coalesce(usename, '')::text, coalesce(state, ''),
       coalesce(host(client_addr), 'local'),
       count(*),
       coalesce(max(extract(epoch from clock_timestamp() - state_change)), 0)::float8
from pg_stat_activity
where backend_type = 'client backend'
  and pid <> pg_backend_pid()
group by 1, 2, 3, 4, 5
order by count(*) desc, 1, 2, 3, 4, 5
limit $1`

const selectLimits = `
select (select count(*) from pg_stat_activity where backend_type = 'client backend'),
       current_setting('max_connections')::bigint,
       current_setting('superuser_reserved_connections')::bigint + coalesce(current_setting('reserved_connections', true)::bigint, 0)`

// Connections lists who is connected to the server, most first, at most limit of them, and
// how many may be.
func (r *Repository) Connections(ctx context.Context, limit int) ([]Connections, ConnectionLimits, error) {
	type row struct {
		Database, Application, User, State, Client string
		Count                                      int64
		Longest                                    float64
	}
	rows, err := collect[row](ctx, r, selectConnections, limit)
	if err != nil {
		return nil, ConnectionLimits{}, err
	}
	limits, err := collect[ConnectionLimits](ctx, r, selectLimits)
	if err != nil || len(limits) == 0 {
		return nil, ConnectionLimits{}, err
	}
	found := make([]Connections, len(rows))
	for i, c := range rows {
		found[i] = Connections{c.Database, c.Application, c.User, c.State, c.Client, c.Count, seconds(c.Longest)}
	}
	return found, limits[0], nil
}

// DefaultLong is how long a statement runs that is worth a question.
const DefaultLong = time.Hour

// Session is one that is at a statement, or holds a transaction open.
type Session struct {
	PID                              int
	User, Application, Client, State string
	// Age is how long its statement has run, or, where it is idle in a transaction, how
	// long it has been.
	Age time.Duration
	// Text of the statement, without values.
	Text string
}

// selectLong leaves out this session, whatever is not a client (autovacuum, replication,
// parallel workers) and what makes a backup, whichever program does.
const selectLong = `
select pid, coalesce(usename, '')::text, coalesce(application_name, ''), coalesce(host(client_addr), 'local'), coalesce(state, ''),
       extract(epoch from clock_timestamp() - case when state = 'active' then query_start else state_change end)::float8,
       coalesce(query, '')
from pg_stat_activity
where datname = current_database()
  and backend_type = 'client backend'
  and pid <> pg_backend_pid()
  and (state = 'active' or state like 'idle in transaction%' and $2)
  and not (` + isBackup + `)
  and clock_timestamp() - case when state = 'active' then query_start else state_change end >= $1::interval
order by 6 desc
limit $3`

// isBackup tells the sessions that make a backup, or bring one back: ours, those of PostgreSQL's programs and
// of the ones that people use with it, and whatever copies out or reads a snapshot for them.
const isBackup = `
   application_name ilike 'semantik backup%'
   or application_name ilike 'semantik restore%'
   or application_name ~* '(pg_dump|pg_dumpall|pg_restore|pg_basebackup|pg_receivewal|pgbackrest|barman|wal-g|pg_probackup|backup)'
   or query ~* '^\s*(select\s+pg_(backup|start_backup|stop_backup)|base_backup)'`

// LongRunning lists the sessions of this database whose statement has run for at least so
// long, the oldest first; with idle also those that hold a transaction open for so long
// and do nothing. Those of backups are not among them, nor PostgreSQL's own.
func (r *Repository) LongRunning(ctx context.Context, least time.Duration, idle bool, limit int) ([]Session, error) {
	type row struct {
		PID                              int
		User, Application, Client, State string
		Age                              float64
		Text                             string
	}
	rows, err := collect[row](ctx, r, selectLong, least, idle, limit)
	if err != nil {
		return nil, err
	}
	found := make([]Session, len(rows))
	for i, s := range rows {
		found[i] = Session{s.PID, s.User, s.Application, s.Client, s.State, seconds(s.Age), statements.Normalise(s.Text)}
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
  and not (` + isBackup + `)
  and clock_timestamp() - case when state = 'active' then query_start else state_change end >= $2::interval`
)

// End ends the statement of a session that is still at what it was: its age must be at
// least what it was when it was listed. With all the session is ended with it. ended is
// false where there was nothing to end any more.
func (r *Repository) End(ctx context.Context, s Session, all bool) (ended bool, err error) {
	statement := cancel
	if all {
		statement = terminate
	}
	err = r.db.Querier(ctx).QueryRow(ctx, statement, s.PID, s.Age).Scan(&ended)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ending what session %d is at: %w", s.PID, r.db.Translate(err))
	}
	return ended, nil
}

// format puts an identifier into a statement.
func format(sql, identifier string) string {
	return fmt.Sprintf(sql, pgx.Identifier{identifier}.Sanitize())
}
