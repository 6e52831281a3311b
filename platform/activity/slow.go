package activity

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"semantik/platform/statements"
)

// SlowStatement is one that pg_stat_statements has found slow, at least once.
type SlowStatement struct {
	// Text has no values in it.
	Text             string
	Calls, Rows      int64
	Total, Mean, Max time.Duration
}

// selectExtension finds where the extension is, for whoever may read it. Without
// pg_read_all_stats the texts of others are hidden, and ours are not: it is the role that
// counts, not the session.
const selectExtension = `
select n.nspname::text
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where e.extname = 'pg_stat_statements'
  and has_schema_privilege(n.oid, 'usage')`

// selectSlow orders by what each took in all: a statement that is slow a thousand times
// costs more than one that was slower once.
const selectSlow = `
select s.query, s.calls, s.rows, s.total_exec_time::float8, s.mean_exec_time::float8, s.max_exec_time::float8
from %s.pg_stat_statements s
where s.dbid = (select oid from pg_database where datname = current_database())
  and s.max_exec_time >= $1
order by s.total_exec_time desc
limit $2`

// SlowStatements gives the statements of this database that took at least so long, at
// most limit of them; known is false where the extension is not installed, not loaded or
// not readable.
func (r *Repository) SlowStatements(ctx context.Context, least time.Duration, limit int) (found []SlowStatement, known bool, err error) {
	var namespace string
	err = r.db.Querier(ctx).QueryRow(ctx, selectExtension).Scan(&namespace)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, r.db.Translate(err)
	}
	type row struct {
		Text             string
		Calls, Rows      int64
		Total, Mean, Max float64
	}
	rows, err := collect[row](ctx, r, format(selectSlow, namespace), float64(least)/float64(time.Millisecond), limit)
	var pgErr *pgconn.PgError
	if errors.As(err, &pgErr) && (pgErr.Code == notLoaded || pgErr.Code == notAllowed) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	found = make([]SlowStatement, len(rows))
	for i, s := range rows {
		ms := func(n float64) time.Duration { return time.Duration(n * float64(time.Millisecond)) }
		found[i] = SlowStatement{
			// PostgreSQL masks the values of most statements, and not of all.
			Text: statements.Normalise(s.Text), Calls: s.Calls, Rows: s.Rows,
			Total: ms(s.Total), Mean: ms(s.Mean), Max: ms(s.Max),
		}
	}
	return found, true, nil
}

// What PostgreSQL says when the extension is installed and its library was not loaded at
// the start, and when the role may not read it.
const (
	notLoaded  = "55000"
	notAllowed = "42501"
)
