package partitions

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// Churn is what has happened to the rows of a parent's partitions.
type Churn struct {
	Table string
	At    time.Time
	// LastAnalyze is when the parent was analyzed, nil where the statistics know of
	// none, and NotedRows how many rows that found; -1 before one.
	LastAnalyze *time.Time
	NotedRows   float64
	// Rows is how many there are, and Changes how often one was inserted, updated or
	// deleted since the statistics began.
	Rows, Changes int64
}

// selectChurn reads the statistics of all partitions and touches none; the rows are
// estimated as by [rowCounts.estimate]. The counter
// of changes since the last analyze is of no use: it begins again when autovacuum
// analyzes the partition, which is not the parent.
const selectChurn = `
select p.relname::text,
       now(),
       greatest(pg_stat_get_last_analyze_time(p.oid), pg_stat_get_last_autoanalyze_time(p.oid)),
       p.reltuples::float8,
       coalesce(sum(case
           when coalesce(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid),
                         pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) is not null
           then pg_stat_get_live_tuples(c.oid)
           else greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0)
       end), 0)::bigint,
       coalesce(sum(pg_stat_get_tuples_inserted(c.oid) + pg_stat_get_tuples_updated(c.oid) + pg_stat_get_tuples_deleted(c.oid)), 0)::bigint
from pg_class p
join pg_inherits i on i.inhparent = p.oid
join pg_class c on c.oid = i.inhrelid
where p.oid in (to_regclass('chunks'), to_regclass('chunk_search'))
group by p.oid
order by p.relname desc`

// Churn reads what has happened to the two parents.
func (r *Repository) Churn(ctx context.Context) ([]Churn, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectChurn)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Churn])
	return found, r.db.Translate(err)
}

// One process at a time analyzes a parent; the others leave it to that one. The
// time that it may take is long, and nobody waits for it: neither reads, nor loads,
// nor vacuum, which SKIP LOCKED leaves alone as well.
const (
	claimAnalyze = `
select pg_try_advisory_xact_lock(hashtextextended('analyze ' || $1, 0)),
       current_setting('server_version_num')::integer`
	analyzeBounds = `set local statement_timeout = '15min'; set local lock_timeout = '5s'`
)

// analyze is each parent's statement. Up to version 17 it goes through the
// partitions as well; from 18 on PostgreSQL can be asked for the parent alone, and
// autovacuum has the partitions.
var analyze = map[string]struct{ whole, only string }{
	tableChunks: {whole: `analyze (skip_locked) chunks`, only: `analyze (skip_locked) only chunks`},
	tableSearch: {whole: `analyze (skip_locked) chunk_search`, only: `analyze (skip_locked) only chunk_search`},
}

// analyzeOnly is the first version that analyzes a parent without its partitions.
const analyzeOnly = 180_000

// ClaimAnalyze takes the right to analyze the parent until the end of the unit of
// work, and reports whether it was to be had.
func (r *Repository) ClaimAnalyze(ctx context.Context, table string) (claimed bool, version int, err error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return false, 0, err
	}
	err = tx.QueryRow(ctx, claimAnalyze, table).Scan(&claimed, &version)
	return claimed, version, r.db.Translate(err)
}

// Analyze analyzes the parent, with its partitions or without. It needs the claim.
func (r *Repository) Analyze(ctx context.Context, table string, only bool) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, analyzeBounds); err != nil {
		return r.db.Translate(err)
	}
	statement := analyze[table].whole
	if only {
		statement = analyze[table].only
	}
	_, err = tx.Exec(ctx, statement)
	return r.db.Translate(err)
}
