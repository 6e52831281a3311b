package partitions

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// Repository has the statements about all partitions. What reads the catalog names
// none and locks none; what reads chunks names one by its key.
type Repository struct {
	db *database.DB
}

// NewRepository makes a repository on the database.
func NewRepository(db *database.DB) *Repository { return &Repository{db: db} }

// Bound limits the statements of the unit of work: nobody waits for a look at the
// health longer than this, and least of all for a lock.
func (r *Repository) Bound(ctx context.Context, limit time.Duration) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, setBounds, fmt.Sprintf("%dms", max(1, limit.Milliseconds())))
	return r.db.Translate(err)
}

const setBounds = `select set_config('statement_timeout', $1, true), set_config('lock_timeout', '1s', true)`

// selectTables reads the catalog and the statistics of all partitions of both
// tables: pg_inherits, pg_class and pg_index by their indexes. It calls the functions
// that pg_stat_user_tables is made of.
//
// It opens no partition. The pages are those that the last vacuum or analyze has
// counted, and the number comes from the name that the schema gives a partition: to
// ask the files (pg_total_relation_size) or to write out the bounds (pg_get_expr) is
// to take a lock, for which one would wait while a partition is locked away, as by
// VACUUM FULL; and a backend that has once opened all partitions with their indexes
// keeps ten megabytes for it.
const selectTables = `
with busy as (
    select distinct l.relation
    from pg_locks l
    where l.locktype = 'relation'
      and l.database = (select oid from pg_database where datname = current_database())
      and l.mode = 'ShareUpdateExclusiveLock'
      and l.pid <> pg_backend_pid()
)
select i.inhparent = to_regclass('chunks') as holds_chunks,
       substring(c.relname from '_p(\d{1,4})$')::integer as num,
       c.reltuples::float8,
       pg_stat_get_live_tuples(c.oid),
       pg_stat_get_dead_tuples(c.oid),
       current_setting('block_size')::bigint * (greatest(c.relpages, 0) + (
           select coalesce(sum(greatest(part.relpages, 0)), 0)
           from (
               select t.relpages from pg_class t where t.oid = c.reltoastrelid
               union all
               select p.relpages from pg_index x join pg_class p on p.oid = x.indexrelid where x.indrelid in (c.oid, c.reltoastrelid)
           ) as part))::bigint as bytes,
       greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)),
       greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)),
       c.oid in (select relation from busy),
       coalesce(c.reloptions @> array['autovacuum_vacuum_scale_factor=0.01', 'autovacuum_analyze_scale_factor=0.01'], false)
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
where i.inhparent in (to_regclass('chunks'), to_regclass('chunk_search'))`

// Partitions reads what PostgreSQL knows of each partition, by its number, where
// there should be so many; 0 takes those that there are. A number that is not there
// has an empty entry.
func (r *Repository) Partitions(ctx context.Context, count int) ([]Partition, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectTables)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	var found []Partition
	var (
		holdsChunks bool
		num         *int
		counts      rowCounts
		t           Table
	)
	_, err = pgx.ForEachRow(rows, []any{
		&holdsChunks, &num, &counts.noted, &counts.live, &t.DeadRows, &t.Bytes, &t.LastVacuum, &t.LastAnalyze, &t.Busy, &t.Kept,
	}, func() error {
		if num == nil || count > 0 && *num >= count {
			return nil // a partition of somebody else's making
		}
		found = atLeast(found, *num+1)
		t.Exists = true
		t.Rows = counts.rows(t)
		t.Bytes = counts.bytes(t.Bytes, t.Rows)
		if holdsChunks {
			found[*num].Chunks = t
		} else {
			found[*num].Search = t
		}
		return nil
	})
	found = atLeast(found, count)
	for num := range found {
		found[num].Num = num
	}
	return found, r.db.Translate(err)
}

// atLeast makes the list so long, with empty entries.
func atLeast(found []Partition, n int) []Partition {
	return append(found, make([]Partition, max(0, n-len(found)))...)
}

// rowCounts are the two counts that PostgreSQL keeps of a table's rows.
type rowCounts struct {
	// noted is what the last vacuum or analyze left in the catalog, along with the
	// pages; -1 before one.
	noted float64
	// live is what the statistics have added up since; they are lost when the
	// server is killed, and begin again at zero.
	live int64
}

// rows is how many there are. Statistics that know of a vacuum or an analyze have
// counted ever since it; those that do not may have begun at a crash, and then the
// catalog may know more.
func (c rowCounts) rows(t Table) int64 {
	if t.LastVacuum != nil || t.LastAnalyze != nil {
		return c.live
	}
	return max(int64(c.noted), c.live, 0)
}

// bytesOfRow is what a row is taken to need with its indexes where nothing else
// is known.
const bytesOfRow = 1500

// bytes is how many there are, from those that were noted for the rows of then. A
// table grows with its rows, and does not become smaller when they go.
func (c rowCounts) bytes(noted, rows int64) int64 {
	if c.noted < 1 {
		return max(noted, rows*bytesOfRow)
	}
	return int64(float64(noted) * max(1, float64(rows)/c.noted))
}
