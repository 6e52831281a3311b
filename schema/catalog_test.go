package schema_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// catalogSQL describes all that is in the public schema, one line each: tables
// with their settings, columns, constraints, indexes, partitions, functions.
const catalogSQL = `
select format('table %s %s %s', relname, relkind, reloptions)
from pg_class
where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
union all
select format('column %s.%s %s %s %s %s %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod),
              a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid))
from pg_attribute a
join pg_class c on c.oid = a.attrelid
left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped
union all
select format('constraint %s on %s %s %s', conname, conrelid::regclass, pg_get_constraintdef(oid), convalidated)
from pg_constraint
where connamespace = 'public'::regnamespace and conrelid <> 0
union all
select format('index %s %s', indexrelid::regclass, pg_get_indexdef(indexrelid))
from pg_index
where indrelid in (select oid from pg_class where relnamespace = 'public'::regnamespace)
union all
select format('partition %s of %s %s', c.relname, i.inhparent::regclass, pg_get_expr(c.relpartbound, c.oid))
from pg_inherits i
join pg_class c on c.oid = i.inhrelid
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
union all
select format('function %s', pg_get_functiondef(p.oid))
from pg_proc p
left join pg_depend d on d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e'
where p.pronamespace = 'public'::regnamespace and d.objid is null
order by 1`

// catalog is everything that a schema consists of, for comparing.
func catalog(t *testing.T, pool *pgxpool.Pool) []string {
	t.Helper()
	rows, err := pool.Query(t.Context(), catalogSQL)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return lines
}

// execute runs SQL that may hold several statements, as psql would.
func execute(t *testing.T, pool *pgxpool.Pool, script string) {
	t.Helper()
	conn, err := pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Conn().PgConn().Exec(t.Context(), script).ReadAll()
	require.NoError(t, err)
}

// queryOne gives the only value of the only row.
func queryOne[T any](t *testing.T, pool *pgxpool.Pool, sql string, args ...any) T {
	t.Helper()
	var value T
	require.NoError(t, pool.QueryRow(t.Context(), sql, args...).Scan(&value))
	return value
}
