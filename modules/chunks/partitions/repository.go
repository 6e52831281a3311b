package partitions

import (
	"context"
	"fmt"
	"math"
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
// tables at once: pg_inherits by its index on the parent, and pg_class once from end
// to end. It calls the functions that pg_stat_user_tables is made of, which leaves
// out that view's look at every index. With all partitions filled it takes 20 ms,
// most of it for the sizes.
//
// A size is asked of the files, under a lock that is held for no longer than that;
// of a table that is exclusively locked, as by VACUUM FULL, it is what the last
// vacuum has noted, so that nobody waits for the end of it. (relpages alone would
// not do: it is zero in a partition that was filled a minute ago.) For the same
// reason the number comes from the name that the schema gives a partition: to write
// out its bounds, pg_get_expr takes a lock on it too.
const selectTables = `
with locked as (
    select coalesce(x.indrelid, l.relation) as relation,
           bool_or(l.mode = 'AccessExclusiveLock') as away,
           bool_or(l.mode = 'ShareUpdateExclusiveLock') as busy
    from pg_locks l
    left join pg_index x on x.indexrelid = l.relation
    where l.locktype = 'relation'
      and l.database = (select oid from pg_database where datname = current_database())
      and l.mode in ('AccessExclusiveLock', 'ShareUpdateExclusiveLock')
      and l.pid <> pg_backend_pid()
    group by 1
)
select i.inhparent = to_regclass('chunks') as holds_chunks,
       substring(c.relname from '_p(\d{1,4})$')::integer as num,
       c.reltuples::float8,
       pg_stat_get_live_tuples(c.oid),
       pg_stat_get_dead_tuples(c.oid),
       case
           when exists (select from locked l where l.away and l.relation in (c.oid, c.reltoastrelid)) then
               current_setting('block_size')::bigint * (
                   select sum(greatest(p.relpages, 0))
                   from pg_class p
                   left join pg_index x on x.indexrelid = p.oid
                   where coalesce(x.indrelid, p.oid) in (c.oid, c.reltoastrelid))
           else coalesce(pg_total_relation_size(c.oid), 0)
       end as bytes,
       greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)),
       greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)),
       exists (select from locked l where l.busy and l.relation = c.oid),
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
		t.Rows = counts.estimate(t)
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
	// noted is what the last vacuum or analyze left in the catalog; -1 before one.
	noted float64
	// live is what the statistics have added up since; they are lost when the
	// server is killed, and begin again at zero.
	live int64
}

// bytesOfRow is what a row is taken to need with its indexes where nothing else
// is known.
const bytesOfRow = 1500

// emptyTable is the size of a table that never had a row: a page or two of each
// index and of what is stored out of line.
const emptyTable = 256 << 10

// estimate is how many rows there are. Statistics that know of a vacuum or an
// analyze have counted ever since it; those that do not may have begun at a crash,
// and then the catalog knows more. A table that neither knows, and that is not
// empty, is reckoned from its size.
func (c rowCounts) estimate(t Table) int64 {
	noted := int64(math.Max(c.noted, 0))
	switch {
	case t.LastVacuum != nil || t.LastAnalyze != nil:
		return c.live
	case c.noted < 0 && c.live == 0 && t.Bytes > emptyTable:
		return t.Bytes / bytesOfRow
	default:
		return max(noted, c.live)
	}
}
