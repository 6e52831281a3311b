package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// GapState says what has become of a partition.
type GapState string

// The states.
const (
	GapRenamed   GapState = "renamed"   // attached, under another name
	GapDetaching GapState = "detaching" // detaching it was begun and not ended: no read sees its rows
	GapDetached  GapState = "detached"  // a table stands beside its parent that is, or may be, the partition
	GapGone      GapState = "gone"      // there is no table that could be it
)

// Gap is a partition that is not where it should be.
type Gap struct {
	// Table is the partitioned table, Partition what its part should be called, and Bound
	// what that holds, as SQL says it.
	Table, Partition, Bound string
	// Key is the partition key of the rows; -1 for a part of the audit log.
	Key   int
	State GapState
	// Found names the table that is, or may be, the partition, quoted for SQL; "" if it is gone.
	Found string
	// Unsure says why nobody but a person can tell whether Found is the partition; "" where
	// attaching tells.
	Unsure string
	// Commands put it back, or make it where it is gone, in one transaction.
	Commands []string
}

// Hides reports whether rows may be missing from what is read of the table.
func (g Gap) Hides() bool { return g.State != GapRenamed }

// Statement is what puts it back, for people.
func (g Gap) Statement() string { return strings.Join(g.Commands, "; ") }

// String says what has become of it.
func (g Gap) String() string {
	switch g.State {
	case GapRenamed:
		return fmt.Sprintf("%s is called %s", g.Partition, g.Found)
	case GapDetaching:
		return fmt.Sprintf("%s is being detached from %s, or that was broken off", g.Partition, g.Table)
	case GapDetached:
		said := fmt.Sprintf("%s is not attached to %s", g.Found, g.Table)
		if g.Unsure != "" {
			said += ", if it is " + g.Partition + " at all: " + g.Unsure
		}
		return said
	default:
		return g.Partition + " is gone"
	}
}

// Gaps lists the partitions that are not where they should be: those of the chunks and of
// their search rows, and of the audit log those that stand there and are not attached. It
// changes nothing. It is [ErrNotApplied] while there is no schema.
func (m *Manager) Gaps(ctx context.Context) ([]Gap, error) {
	count, err := m.PartitionCount(ctx)
	if err != nil {
		return nil, err
	}
	return readGaps(ctx, m.pool, count)
}

// gapsSQL compares the partitions with those that there shall be: $1 of each chunk table.
// A table whose name is the partition's is named for it, whatever it is.
const gapsSQL = `
with months as (
    select month, month + interval '1 month' as next
    from generate_series(date_trunc('month', now() at time zone 'UTC'),
                         date_trunc('month', now() at time zone 'UTC') + interval '1 month',
                         interval '1 month') as month
), wanted as (
    select parent, key, parent || '_p' || key as child, format('FOR VALUES IN (%s)', key) as bound
    from unnest(array['chunks', 'chunk_search']) as parent,
         generate_series(0, $1 - 1) as key
    union all
    select 'audit_log', -1, 'audit_log_default', 'DEFAULT'
    union all
    select 'audit_log', -1, 'audit_log_' || to_char(month, 'YYYY_MM'),
           format('FOR VALUES FROM (''%s 00:00:00+00'') TO (''%s 00:00:00+00'')', month::date, next::date)
    from months
), there as (
    select p.relname as parent, c.oid, c.relname as child, i.inhdetachpending as pending, b.bound,
           coalesce(b.key, '-1') as key
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    cross join lateral (
        select bound, key
        from (select pg_get_expr(c.relpartbound, c.oid) as bound) as said
        left join lateral unnest(string_to_array(substring(bound from '^FOR VALUES IN \((.*)\)$'), ', ')) as key on true
    ) b
    where i.inhparent in (to_regclass('public.chunks'), to_regclass('public.chunk_search'), to_regclass('public.audit_log'))
)
select w.parent, w.child, w.bound, w.key,
       coalesce(t.oid::regclass::text, ''), coalesce(t.pending, false),
       coalesce(to_regclass('public.' || w.child)::text, ''),
       coalesce(c.relkind in ('r', 'p') and not c.relispartition, false)
from wanted w
left join there t on t.parent = w.parent and t.key = w.key::text and (w.key >= 0 or t.child = w.child)
left join pg_class c on c.oid = to_regclass('public.' || w.child)
where to_regclass('public.' || w.parent) is not null
  and (t.oid is null or t.pending or t.child <> w.child and t.bound = w.bound)
  and (w.key >= 0 or c.oid is not null)
order by w.parent, w.key, w.child`

// readGaps reads them with a session whose search path is that of the program.
func readGaps(ctx context.Context, q querier, count int) ([]Gap, error) {
	rows, err := q.Query(ctx, gapsSQL, count)
	if err != nil {
		return nil, fmt.Errorf("looking for partitions: %w", err)
	}
	var gaps []Gap
	var g Gap
	var holder, named string
	var pending, stands bool
	_, err = pgx.ForEachRow(rows, []any{&g.Table, &g.Partition, &g.Bound, &g.Key, &holder, &pending, &named, &stands}, func() error {
		gap := g
		switch {
		case pending:
			gap.detaching(holder, named)
		case holder != "":
			gap.renamed(holder, named)
		case stands:
			gap.detached(named, publicSchema, gap.Partition)
		case named != "":
			gap.State, gap.Found, gap.Unsure = GapDetached, named, "it is no table"
		default:
			gap.State = GapGone
			gap.Commands = []string{gap.making()}
		}
		gaps = append(gaps, gap)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for partitions: %w", err)
	}
	if !slices.ContainsFunc(gaps, func(g Gap) bool { return g.State == GapGone }) {
		return gaps, nil
	}
	alike, err := readAlike(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range gaps {
		gaps[i].recognise(alike)
	}
	return gaps, nil
}

// renamed is for a partition that is attached under another name. Whatever has taken its
// own is moved out of the way.
func (g *Gap) renamed(holder, named string) {
	g.State, g.Found = GapRenamed, holder
	if named != "" {
		g.Commands = append(g.Commands, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", named, g.Partition+"_before"))
	}
	g.Commands = append(g.Commands, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", holder, g.Partition))
}

func (g *Gap) detaching(holder, named string) {
	g.State, g.Found = GapDetaching, holder
	g.Commands = []string{fmt.Sprintf("ALTER TABLE %s DETACH PARTITION %s FINALIZE", g.Table, holder)}
	if holder != named {
		before := g.Commands
		g.Commands = nil
		g.renamed(holder, named)
		g.State, g.Commands = GapDetaching, append(before, g.Commands...)
	}
	g.Commands = append(g.Commands, g.attach())
}

// detached is for a table that stands in a schema under a name.
func (g *Gap) detached(found, schema, name string) {
	g.State, g.Found, g.Commands = GapDetached, found, nil
	if schema != publicSchema {
		g.Commands = append(g.Commands, fmt.Sprintf("ALTER TABLE %s SET SCHEMA %s", found, publicSchema))
	}
	if name != g.Partition {
		g.Commands = append(g.Commands, fmt.Sprintf("ALTER TABLE %s RENAME TO %s", quoteIdentifier(name), g.Partition))
	}
	if from, to, ok := strings.Cut(strings.TrimPrefix(g.Bound, "FOR VALUES FROM "), " TO "); ok {
		// What has gone to the default partition meanwhile is in the way.
		g.Commands = append(g.Commands, fmt.Sprintf("WITH moved AS (DELETE FROM audit_log_default WHERE created_at >= %s AND created_at < %s RETURNING *) "+
			"INSERT INTO %s SELECT * FROM moved", from, to, g.Partition))
	}
	g.Commands = append(g.Commands, g.attach())
}

// making is the statement that makes an empty one.
func (g *Gap) making() string {
	return fmt.Sprintf("CREATE TABLE %s PARTITION OF %s %s", g.Partition, g.Table, g.Bound)
}

func (g *Gap) attach() string {
	return fmt.Sprintf("ALTER TABLE %s ATTACH PARTITION %s %s", g.Table, g.Partition, g.Bound)
}

// recognise looks for a partition that is gone among tables of its shape.
func (g *Gap) recognise(alike []lookalike) {
	if g.State != GapGone {
		return
	}
	var found []lookalike
	for _, a := range alike {
		if a.table == g.Table && a.key != nil && *a.key == g.Key {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return
	}
	g.detached(found[0].found, found[0].schema, found[0].name)
	switch {
	case len(found) > 1:
		g.Unsure = fmt.Sprintf("%s has such rows as well; if neither is, %s", found[1].found, g.making())
	case found[0].schema != publicSchema:
		g.Unsure = "somebody has moved it to another schema, or made it there; if it is not, " + g.making()
	}
}

// lookalike is a table that has the columns of one that is partitioned, and is no
// partition.
type lookalike struct {
	table, found, schema, name string
	// key is that of some row; nil where there is none, and for the audit log.
	key *int
}

const alikeSQL = `
with columns as (
    select a.attrelid, array_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) order by a.attname) as said
    from pg_attribute a
    where a.attnum > 0
      and not a.attisdropped
    group by a.attrelid
)
select p.relname, c.oid::regclass::text, n.nspname, c.relname
from pg_class p
join columns wanted on wanted.attrelid = p.oid
join columns there on there.said = wanted.said
join pg_class c on c.oid = there.attrelid
join pg_namespace n on n.oid = c.relnamespace
where p.oid in (to_regclass('public.chunks'), to_regclass('public.chunk_search'), to_regclass('public.audit_log'))
  and c.relkind = 'r'
  and not c.relispartition
  and c.relpersistence <> 't'
  and n.nspname not like 'pg\_%'
  and n.nspname <> $1
  and has_schema_privilege(n.oid, 'usage')
  and has_table_privilege(c.oid, 'select')
order by c.relname, n.nspname`

// readAlike finds tables that may have been partitions, and looks at one row of each.
func readAlike(ctx context.Context, q querier) ([]lookalike, error) {
	rows, err := q.Query(ctx, alikeSQL, AsideSchema)
	if err != nil {
		return nil, fmt.Errorf("looking for detached partitions: %w", err)
	}
	var all []lookalike
	var a lookalike
	_, err = pgx.ForEachRow(rows, []any{&a.table, &a.found, &a.schema, &a.name}, func() error {
		all = append(all, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for detached partitions: %w", err)
	}
	for i := range all {
		if all[i].table == "audit_log" {
			continue
		}
		err := q.QueryRow(ctx, fmt.Sprintf("select (select partition_key from %s limit 1)", all[i].found)).Scan(&all[i].key)
		if err != nil {
			return nil, fmt.Errorf("looking into %s: %w", all[i].found, err)
		}
	}
	return all, nil
}

// closeGaps puts partitions back, each in a transaction of its own: what is done to their
// table afterwards is to be done to them, too. Those that are gone are left to be made.
func (m *Manager) closeGaps(ctx context.Context, s *session, st state) ([]string, error) {
	if !st.applied {
		return nil, nil
	}
	var closed []string
	for {
		// Anew each time, since a name that was taken may be another's that had to give way.
		gaps, err := readGaps(ctx, s.conn, m.partitionCount(st))
		if err != nil {
			return closed, err
		}
		gaps = slices.DeleteFunc(gaps, func(g Gap) bool { return g.State == GapGone })
		if len(gaps) == 0 {
			return closed, nil
		}
		g := gaps[0]
		if g.Unsure != "" || slices.Contains(closed, g.Partition) {
			return closed, &GapError{Gap: g}
		}
		err = m.whileLocked(ctx, func(ctx context.Context) error {
			return s.inTx(ctx, true, func(ctx context.Context) error {
				for _, command := range g.Commands {
					if err := execScript(ctx, s.conn, command); err != nil {
						return err
					}
				}
				return nil
			})
		})
		if err != nil {
			return closed, &GapError{Gap: g, Cause: err}
		}
		closed = append(closed, g.Partition)
	}
}
