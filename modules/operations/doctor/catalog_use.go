package doctor

import (
	"fmt"
	"time"

	"semantik/schema"
)

// limits are from where on something is worth telling.
type limits struct {
	// rows is how many a table has at least for its indexes to matter, and indexBytes how
	// large one is that is worth the look.
	rows, indexBytes int64
	// counted is how long the statistics have counted before they tell that an index is
	// not used.
	counted time.Duration
	// scans is how often a table may be read from end to end.
	scans int64
	// open is how long a transaction may be open, and slotBytes how much of the log a
	// slot that nobody reads may hold.
	open      time.Duration
	slotBytes int64
	// vacuumed is the share of autovacuum's own limit of age that is not worth telling.
	vacuumed float64
	// locks is the least max_locks_per_transaction, and databaseBytes how large a database
	// is that wants more memory than PostgreSQL takes when nobody says more.
	locks, databaseBytes int64
}

var usual = limits{
	rows: 10_000, indexBytes: 8 << 20, counted: 7 * 24 * time.Hour, scans: 1000,
	open: time.Hour, slotBytes: 1 << 30, vacuumed: 1.2, locks: 256, databaseBytes: 4 << 30,
}

// useRules look at which indexes are used and which are missed, and at what PostgreSQL
// knows of the tables.
func useRules(l limits) []schema.Rule { return append(indexRules(l), statisticsRules(l)...) }

func indexRules(l limits) []schema.Rule {
	return []schema.Rule{
		{
			Key: "index_missing", Severity: schema.SeverityHint,
			Name:    "a foreign key of a large table has an index that serves it",
			Meaning: "Deleting what is named reads the whole table that names it.",
			Remedy:  "Where such deletes are slow, please report it; an index costs every insert.",
			Statement: fmt.Sprintf(`
select format('%%s on %%s', k.conname, k.conrelid::regclass), 1
from pg_constraint k
join pg_class c on c.oid = k.conrelid
where k.contype = 'f'
  and k.connamespace = 'public'::regnamespace
  and k.conparentid = 0
  and c.relkind = 'r'
  and pg_stat_get_live_tuples(c.oid) >= %d
  and not exists (
    select 1 from pg_index i where i.indrelid = k.conrelid and i.indisvalid and i.indkey[0] = any(k.conkey)
  )`, l.rows),
		},
		{
			Key: "sequential_scans", Severity: schema.SeverityHint,
			Name:    "a large table is not read from end to end time and again",
			Meaning: "A query finds no index that serves it, or reads most of the table anyway.",
			Remedy:  "semantik db slow names the slow queries; checks such as this one read whole tables as well.",
			Statement: fmt.Sprintf(`
select format('%%s: %%s times, %%s rows each', relid::regclass, seq_scan, seq_tup_read / greatest(seq_scan, 1)), 1
from pg_stat_user_tables
where schemaname = 'public'
  and seq_scan >= %d
  and n_live_tup >= %d
  and seq_tup_read / greatest(seq_scan, 1) >= %d`, l.scans, l.rows, l.rows),
		},
	}
}

// statisticsRules look at what PostgreSQL counts and knows.
func statisticsRules(l limits) []schema.Rule {
	return []schema.Rule{
		// The indexes of a partitioned table are one: it is used when one of its
		// partitions' is. Statistics that were never reset began with the server at the
		// latest.
		{
			Key: "index_unused", Severity: schema.SeverityHint,
			Name:    "an index is used",
			Meaning: "No query has used the index since the statistics began to count, and it costs every insert. Some queries come rarely, and statistics forget.",
			Remedy:  "Leave those that the program declares; drop what somebody has added by hand and nobody needs.",
			Statement: fmt.Sprintf(`
select format('%%s on %%s, %%s, since %%s', u.root::regclass, u.owner::regclass, pg_size_pretty(u.bytes), since.at::date), 1
from (
  select coalesce(h.inhparent, i.indexrelid) as root,
         min(coalesce(x.inhparent, i.indrelid)) as owner,
         sum(pg_relation_size(i.indexrelid)) as bytes,
         sum(pg_stat_get_numscans(i.indexrelid)) as scans
  from pg_index i
  join pg_class c on c.oid = i.indexrelid and c.relkind = 'i'
  left join pg_inherits h on h.inhrelid = i.indexrelid
  left join pg_inherits x on x.inhrelid = i.indrelid
  where c.relnamespace = 'public'::regnamespace
    and not i.indisunique
  group by 1
) u
cross join (
  select coalesce(stats_reset, pg_postmaster_start_time()) as at from pg_stat_database where datname = current_database()
) since
where u.scans = 0
  and u.bytes >= %d
  and since.at <= now() - interval '%d seconds'`, l.indexBytes, int64(l.counted.Seconds())),
		},
		// pg_stats shows an owner what pg_statistic shows a superuser only.
		{
			Key: "statistics_missing", Severity: schema.SeverityWarning,
			Name:    "a table with rows was analyzed",
			Meaning: "PostgreSQL knows nothing of what is in the table, so that its plans are guesses.",
			Remedy:  "semantik doctor --fix analyzes it. A server analyzes chunks and chunk_search by the clock, which autovacuum does not.",
			Statement: fmt.Sprintf(`
select format('%%s, about %%s rows', c.oid::regclass, live.n), 1
from pg_class c
cross join lateral (
  select case c.relkind
    when 'p' then (select sum(pg_stat_get_live_tuples(i.inhrelid)) from pg_inherits i where i.inhparent = c.oid)
    else pg_stat_get_live_tuples(c.oid)
  end as n
) live
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and c.relname not like 'audit\_log%%'
  and live.n >= %d
  and not exists (select 1 from pg_stats s where s.schemaname = 'public' and s.tablename = c.relname)`, l.rows),
		},
	}
}
