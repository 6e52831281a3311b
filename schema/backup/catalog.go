package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

const publicSchema = "public"

// queueTables are those of the job queue whose rows are kept: the jobs, and which queues
// are paused. The others tell of processes that a restored database does not have, or of
// the queue's own version.
var queueTables = []string{"river_job", "river_queue"}

// listed is a table or partition as the catalog has it.
type listed struct {
	Table
	onDisk int64 // bytes
}

// The tables with rows of their own, partitions in place of their parents, the largest
// first, and the columns that are not generated.
const tablesSQL = `
select n.nspname::text, c.relname::text, coalesce(p.relname::text, ''), pg_table_size(c.oid),
       array_agg(a.attname::text order by a.attnum)
from pg_class c
join pg_namespace n on n.oid = c.relnamespace
left join pg_inherits i on i.inhrelid = c.oid
left join pg_class p on p.oid = i.inhparent
join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
where c.relkind = 'r'
  and (n.nspname = 'public' and coalesce(p.relname, c.relname) = any ($1)
       or n.nspname = $2 and c.relname = any ($3))
group by n.nspname, c.relname, p.relname, c.oid
order by pg_table_size(c.oid) desc, c.relname`

// listTables gives the tables of these names that are there, and their partitions.
func listTables(ctx context.Context, conn *pgx.Conn, names []string, queueSchema string) ([]listed, error) {
	rows, err := conn.Query(ctx, tablesSQL, names, queueSchema, queueTables)
	if err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	tables, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (listed, error) {
		var l listed
		err := row.Scan(&l.Schema, &l.Name, &l.Parent, &l.onDisk, &l.Columns)
		return l, err
	})
	if err != nil {
		return nil, fmt.Errorf("listing the tables: %w", err)
	}
	return tables, nil
}

// Sequences that belong to columns of the tables. A sequence that was never used is at
// null and is left out.
const sequencesSQL = `
select s.schemaname::text, s.sequencename::text, s.last_value
from pg_sequences s
join pg_class c on c.relname = s.sequencename and c.relnamespace = to_regnamespace(quote_ident(s.schemaname))
join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype in ('a', 'i') and d.refobjsubid > 0
join pg_class t on t.oid = d.refobjid
where s.last_value is not null
  and (s.schemaname = 'public' and t.relname = any ($1) or s.schemaname = $2 and t.relname = any ($3))
order by 1, 2`

func listSequences(ctx context.Context, conn *pgx.Conn, names []string, queueSchema string) ([]Sequence, error) {
	rows, err := conn.Query(ctx, sequencesSQL, names, queueSchema, queueTables)
	if err != nil {
		return nil, fmt.Errorf("listing the sequences: %w", err)
	}
	sequences, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Sequence])
	if err != nil {
		return nil, fmt.Errorf("listing the sequences: %w", err)
	}
	return sequences, nil
}

// keySamples is how many ids tell whether two servers compute the same partition keys.
const keySamples = 256

const partitionKeysSQL = `
select (abs(hashtext(md5(n::text)::uuid::text)::bigint) % $2)::integer
from generate_series(1, $1) as n
order by n`

// partitionKeys are the partition keys of ids that are the same everywhere, as this
// server computes them. Rows carry the key of their collection, so that they can only be
// restored where hashtext, which PostgreSQL does not promise to keep, gives the same.
func partitionKeys(ctx context.Context, conn *pgx.Conn, partitions int) ([]int, error) {
	rows, err := conn.Query(ctx, partitionKeysSQL, keySamples, partitions)
	if err != nil {
		return nil, fmt.Errorf("computing partition keys: %w", err)
	}
	keys, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil {
		return nil, fmt.Errorf("computing partition keys: %w", err)
	}
	return keys, nil
}

// columnList writes a table's columns for a COPY.
func columnList(columns []string) string {
	quoted := make([]string, len(columns))
	for i, c := range columns {
		quoted[i] = pgx.Identifier{c}.Sanitize()
	}
	return strings.Join(quoted, ", ")
}

// identifier writes the table's name for a statement.
func (t Table) identifier() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// without gives what is of the first and not of the second.
func without(names, others []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return slices.Contains(others, name) })
}
