package activity

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/database"
)

// Size is what a table takes, its partitions together.
type Size struct {
	Schema, Table string
	// Partitions is how many it has; 0 for a table of its own.
	Partitions int
	// Rows and DeadRows are PostgreSQL's estimates.
	Rows, DeadRows int64
	// Bytes of the rows themselves, of the indexes, of what is stored apart because it is
	// long (TOAST), and of all together.
	Heap, Indexes, Toast, Total int64
	// Estimated says that somebody has it, or a part of it, locked, so that its bytes are
	// those of the last vacuum.
	Estimated bool
}

// selectSizes asks the files, and so takes the weakest lock on each table for a moment:
// save where somebody has, or waits for, the one lock that it would have to wait behind.
const selectSizes = `
with locked as materialized (
    select relation
    from pg_locks
    where locktype = 'relation'
      and mode = 'AccessExclusiveLock'
      and database = (select oid from pg_database where datname = current_database())
      and pid <> pg_backend_pid()
), tables as materialized (
    select coalesce(nullif(pg_partition_root(c.oid), 0), c.oid) as root, c.oid, c.relkind, c.reltuples, c.relpages, c.reltoastrelid,
           coalesce(toast.relpages, 0) as toastpages,
           coalesce((select sum(i.relpages) from pg_index x join pg_class i on i.oid = x.indexrelid where x.indrelid = c.oid), 0) as indexpages,
           exists (
               select 1
               from locked
               where relation in (c.oid, c.reltoastrelid)
                  or relation in (select indexrelid from pg_index where indrelid in (c.oid, nullif(c.reltoastrelid, 0)))
           ) as locked,
           current_setting('block_size')::bigint as page
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    left join pg_class toast on toast.oid = c.reltoastrelid
    where c.relkind in ('r', 'm')
      and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
)
select n.nspname::text, p.relname::text,
       count(*) filter (where t.oid <> t.root),
       sum(case when pg_stat_get_last_analyze_time(t.oid) is not null or pg_stat_get_last_autoanalyze_time(t.oid) is not null
                then pg_stat_get_live_tuples(t.oid) else greatest(t.reltuples::bigint, pg_stat_get_live_tuples(t.oid), 0) end)::bigint,
       sum(pg_stat_get_dead_tuples(t.oid))::bigint,
       sum(case when t.locked then t.relpages * page else pg_relation_size(t.oid) end)::bigint,
       sum(case when t.locked then t.indexpages * page else pg_indexes_size(t.oid) end)::bigint,
       sum(case when t.reltoastrelid = 0 then 0 when t.locked then t.toastpages * page else pg_total_relation_size(t.reltoastrelid) end)::bigint,
       sum(case when t.locked then (t.relpages + t.indexpages + t.toastpages) * page else pg_total_relation_size(t.oid) end)::bigint,
       bool_or(t.locked)
from tables t
join pg_class p on p.oid = t.root
join pg_namespace n on n.oid = p.relnamespace
group by 1, 2
order by 9 desc, 1, 2
limit $1`

// sizesAttempts is how often the sizes are asked for while somebody locks a table in
// between: the next time it is known that it is locked.
const sizesAttempts = 3

// Sizes lists the tables of the database, the largest first, at most limit of them.
func (r *Repository) Sizes(ctx context.Context, limit int) ([]Size, error) {
	for attempt := 1; ; attempt++ {
		found, err := collect[Size](ctx, r, selectSizes, limit)
		if err == nil || attempt == sizesAttempts || !errors.Is(err, database.ErrBusy) {
			return found, err
		}
	}
}

// Want is a table, or a partition, and why it wants a vacuum; "" where it does not.
type Want struct {
	OID            uint32
	Schema, Table  string
	Rows, DeadRows int64
	Age            int64
	// LastVacuum and LastAnalyze are the last by whomever; nil for never.
	LastVacuum, LastAnalyze *time.Time
	// Changed is how many rows have changed since the last analyze.
	Changed int64
	Reason  string
}

// selectWants judges as autovacuum does with what it is by itself, whatever is set, and a
// little before it would have to vacuum for the age of the rows. $1 names what to look at:
// null looks at everything.
const selectWants = `
with tables as (
    select c.oid, n.nspname::text as schema, c.relname::text as name,
           greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0) as live,
           pg_stat_get_dead_tuples(c.oid) as dead,
           age(c.relfrozenxid)::bigint as age,
           greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as vacuumed,
           greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) as analyzed,
           pg_stat_get_mod_since_analyze(c.oid) as changed
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_class p on p.oid = coalesce(nullif(pg_partition_root(c.oid), 0), c.oid)
    where c.relkind in ('r', 'm')
      and c.relpersistence <> 't'
      and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
      and ($1::text is null or $1 in (c.relname, p.relname) and n.nspname = 'public'
           or $1 in (n.nspname || '.' || c.relname, n.nspname || '.' || p.relname))
)
select oid, schema, name, live, dead, age, vacuumed, analyzed, changed,
       case
         when age > 0.8 * current_setting('autovacuum_freeze_max_age')::bigint then 'its oldest rows are ' || age || ' transactions old'
         when dead > 50 + 0.2 * live then dead || ' dead rows beside ' || live
         when changed > 50 + 0.1 * live and changed > 1000 then changed || ' rows changed since it was analyzed'
         else ''
       end
from tables
order by age > 0.8 * current_setting('autovacuum_freeze_max_age')::bigint desc, dead desc, schema, name
limit 10000`

// Wants lists the tables and partitions with what there is to be said about a vacuum; of
// one table, with its partitions, where a name is given, which may have the schema before
// it.
func (r *Repository) Wants(ctx context.Context, name string) ([]Want, error) {
	var only *string
	if name != "" {
		only = &name
	}
	return collect[Want](ctx, r, selectWants, only)
}

// lastVacuum is when a table was last vacuumed by somebody's asking.
const lastVacuum = `select coalesce(pg_stat_get_last_vacuum_time($1), '-infinity'::timestamptz)::text`

// Vacuum vacuums and analyzes one table or partition, on the connection of
// [database.DB.Aside]. done is false where it was passed over: somebody has it locked, or
// the role may not.
func (r *Repository) Vacuum(ctx context.Context, w Want) (done bool, err error) {
	q := r.db.Querier(ctx)
	var before, after string
	if err := q.QueryRow(ctx, lastVacuum, w.OID).Scan(&before); err != nil {
		return false, r.db.Translate(err)
	}
	table := pgx.Identifier{w.Schema, w.Table}.Sanitize()
	if _, err := q.Exec(ctx, `vacuum (analyze, skip_locked) `+table); err != nil {
		return false, fmt.Errorf("vacuuming %s: %w", table, r.db.Translate(err))
	}
	if err := q.QueryRow(ctx, lastVacuum, w.OID).Scan(&after); err != nil {
		return false, r.db.Translate(err)
	}
	return before != after, nil
}
