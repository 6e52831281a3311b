package activity

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
	"semantik/platform/metrics"
)

// Repository has the statements.
type Repository struct{ db *database.DB }

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository { return &Repository{db: db} }

// collect runs a statement and gives its rows by position.
func collect[T any](ctx context.Context, r *Repository, sql string, args ...any) ([]T, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("asking PostgreSQL: %w", r.db.Translate(err))
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[T])
	if err != nil {
		return nil, fmt.Errorf("asking PostgreSQL: %w", r.db.Translate(err))
	}
	return found, nil
}

// selectFigures reads the statistics and the files' sizes, and locks no table.
const selectFigures = `
select pg_is_in_recovery(),
       age(d.datfrozenxid)::float8,
       pg_database_size(d.oid)::float8,
       current_setting('max_connections')::float8,
       (select count(*) from pg_stat_activity where backend_type = 'client backend')::float8,
       (select count(*) from pg_stat_activity where datname = d.datname and state like 'idle in transaction%')::float8,
       (select coalesce(max(extract(epoch from clock_timestamp() - xact_start)), 0) from pg_stat_activity
        where datname = d.datname and backend_type = 'client backend' and pid <> pg_backend_pid())::float8,
       (select count(*) from pg_stat_activity where datname = d.datname and wait_event_type = 'Lock')::float8,
       (select deadlocks from pg_stat_database where datid = d.oid)::float8
from pg_database d
where d.datname = current_database()`

type figuresRow struct {
	Standby                                               bool
	XIDAge, Size, Max, Connections, Idle, Oldest, Blocked float64
	Deadlocks                                             float64
}

// Figures declares what is read of the database as a whole.
func Figures(f *metrics.Figures, db *database.DB) {
	standby := f.Gauge("semantik_database_standby", "1 while the database is a standby that takes no writes.")
	age := f.Gauge("semantik_database_xid_age", "Age of the oldest transaction id of the database; at two thousand million PostgreSQL stops taking writes.")
	size := f.Gauge("semantik_database_size_bytes", "Bytes of the database's files.")
	most := f.Gauge("semantik_database_connections_max", "The most connections that PostgreSQL takes, from everybody.")
	connections := f.Gauge("semantik_database_connections", "Connections that PostgreSQL has, of everybody's programs.")
	idle := f.Gauge("semantik_database_idle_in_transaction", "Connections to this database that hold a transaction open and do nothing.")
	oldest := f.Gauge("semantik_database_longest_transaction_seconds", "Age of the oldest transaction of this database.")
	blocked := f.Gauge("semantik_database_blocked", "Connections to this database that wait for another's lock.")
	deadlocks := f.Gauge("semantik_database_deadlocks", "Deadlocks that PostgreSQL has broken in this database since its statistics began.")
	repository := NewRepository(db)
	f.From(func(ctx context.Context, emit metrics.Emit) error {
		rows, err := collect[figuresRow](ctx, repository, selectFigures)
		if err != nil || len(rows) == 0 {
			return err
		}
		r := rows[0]
		emit(standby, map[bool]float64{true: 1}[r.Standby])
		emit(age, r.XIDAge)
		emit(size, r.Size)
		emit(most, r.Max)
		emit(connections, r.Connections)
		emit(idle, r.Idle)
		emit(oldest, r.Oldest)
		emit(blocked, r.Blocked)
		emit(deadlocks, r.Deadlocks)
		return nil
	})
}

// seconds is a duration that PostgreSQL gave in seconds.
func seconds(n float64) time.Duration { return time.Duration(n * float64(time.Second)) }
