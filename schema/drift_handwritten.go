package schema

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// handwrittenDrift finds what is missing or different of the extensions, the
// functions and the partitions, none of which Atlas looks at. It must run before
// the extensions are created in the transaction.
func (m *Manager) handwrittenDrift(ctx context.Context, s *session, st state) ([]Drift, error) {
	extensions, err := queryDrift(ctx, s, missingExtensionSQL)
	if err != nil {
		return nil, err
	}
	functions, err := m.functionDrift(ctx, s)
	if err != nil {
		return nil, err
	}
	partitions, err := queryDrift(ctx, s, partitionDriftSQL, m.partitionCount(st))
	if err != nil {
		return nil, err
	}
	gaps, err := m.gapDrift(ctx, s, st)
	if err != nil {
		return nil, err
	}
	return slices.Concat(extensions, functions, partitions, gaps), nil
}

const missingExtensionSQL = `
select 'missing', 'extension btree_gin', ''
where not exists (select 1 from pg_extension where extname = 'btree_gin')`

// functionDriftSQL compares the functions of two schemas: $1 as they shall be,
// and public. What is compared is all that CREATE FUNCTION says.
const functionDriftSQL = `
select case when have.oid is null then 'missing' else 'changed' end,
       format('function %I(%s)', want.proname, pg_get_function_identity_arguments(want.oid)),
       ''
from pg_proc want
left join pg_proc have
       on have.pronamespace = 'public'::regnamespace
      and have.proname = want.proname
      and have.proargtypes = want.proargtypes
where want.pronamespace = $1::regnamespace
  and (have.prosrc, have.prorettype, have.prolang, have.provolatile, have.proparallel, have.proisstrict, have.prosecdef, have.proconfig)
      is distinct from
      (want.prosrc, want.prorettype, want.prolang, want.provolatile, want.proparallel, want.proisstrict, want.prosecdef, want.proconfig)
order by want.proname`

// functionDrift builds the functions in a scratch schema and compares.
func (m *Manager) functionDrift(ctx context.Context, s *session) ([]Drift, error) {
	var drift []Drift
	err := s.inScratch(ctx, func(ctx context.Context, scratch string) error {
		if err := execScript(ctx, s.conn, m.decl.functions); err != nil {
			return fmt.Errorf("building the declared functions: %w", err)
		}
		var err error
		drift, err = queryDrift(ctx, s, functionDriftSQL, scratch)
		return err
	})
	return drift, err
}

// partitionDriftSQL finds what [readGaps] leaves: months of the audit log that are not there,
// of which later ones are made ahead, and earlier ones dropped, by the server, so that
// they are no drift either way; and partitions that are too many, or not what they are
// declared: $1 of each chunk table.
const partitionDriftSQL = `
with wanted as (
    select parent, parent || '_p' || key as child, format('FOR VALUES IN (%s)', key) as bound
    from unnest(array['chunks', 'chunk_search']) as parent,
         generate_series(0, $1 - 1) as key
), there as (
    select p.relname as parent, c.relname as child, pg_get_expr(c.relpartbound, c.oid) as bound, c.reloptions
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    where i.inhparent in (to_regclass('public.chunks'), to_regclass('public.chunk_search'), to_regclass('public.audit_log'))
)
select 'missing', format('partition %I of audit_log', month.child), ''
from (
    select 'audit_log_default' as child
    union all
    select 'audit_log_' || to_char(month, 'YYYY_MM')
    from generate_series(date_trunc('month', now() at time zone 'UTC'),
                         date_trunc('month', now() at time zone 'UTC') + interval '1 month',
                         interval '1 month') as month
) month
where to_regclass('public.audit_log') is not null
  and to_regclass('public.' || month.child) is null
union all
select 'changed', format('partition %I of audit_log', t.child), format('it holds %s', t.bound)
from there t
where t.parent = 'audit_log'
  and (t.child = 'audit_log_default') <> (t.bound = 'DEFAULT')
union all
select 'extra', format('partition %I of %I', t.child, t.parent), t.bound
from there t
where t.parent <> 'audit_log'
  and not exists (select 1 from wanted w where w.parent = t.parent and (w.child = t.child or w.bound = t.bound))
union all
select 'changed', format('partition %I of %I', t.child, t.parent), format('it holds %s', t.bound)
from there t
join wanted w on w.parent = t.parent and w.child = t.child
where t.bound <> w.bound
  and not exists (select 1 from wanted o where o.parent = t.parent and o.bound = t.bound)
union all
select 'changed', format('partition %I of %I', t.child, t.parent), 'its autovacuum settings differ'
from there t
where t.parent <> 'audit_log'
  and not coalesce(t.reloptions @> array['autovacuum_vacuum_scale_factor=0.01', 'autovacuum_analyze_scale_factor=0.01'], false)
order by 1, 2`

// gapDrift tells of the partitions that are not where they should be.
func (m *Manager) gapDrift(ctx context.Context, s *session, st state) ([]Drift, error) {
	gaps, err := readGaps(ctx, s.conn, m.partitionCount(st))
	if err != nil {
		return nil, err
	}
	drift := make([]Drift, 0, len(gaps))
	for _, g := range gaps {
		d := Drift{Problem: ProblemMissing, Object: fmt.Sprintf("partition %s of %s", g.Partition, g.Table)}
		switch {
		case g.State == GapRenamed:
			d.Problem, d.Object = ProblemChanged, fmt.Sprintf("partition %s of %s", g.Found, g.Table)
			d.Detail = fmt.Sprintf("it holds the rows of %s, and should be called so", g.Partition)
		case g.State == GapDetaching:
			d.Detail = "it is being detached, or that was broken off"
		case g.State == GapDetached && g.Found == g.Partition:
			d.Detail = "the table is there, but not attached"
		case g.State == GapDetached:
			d.Detail = g.Found + " may be it, and is not attached"
		}
		if g.Unsure != "" {
			d.Detail += ": " + g.Unsure
		}
		d.mend, d.gap = mendGap(g), true
		drift = append(drift, d)
	}
	return drift, nil
}

// notInForceSQL finds what is there and does not work: indexes that were never
// finished, keys and checks that old rows need not meet, switched-off triggers
// (which is how foreign keys are switched off), triggers that are not ours, and
// tables that lose their rows in a crash. By parent, so that a partitioned
// table is one line.
const (
	detailForeign    = "not made by this program, and left alone"
	detailBrokenOff  = "its build was broken off, so that no query uses it"
	detailUnattached = "it is part of no index of the whole table"
	detailUnlogged   = "it is unlogged: a crash empties it"
)

const notInForceSQL = `
with ours as (
    select c.oid, c.relname, c.relpersistence, coalesce(parent.relname, c.relname) as family
    from pg_class c
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class parent on parent.oid = i.inhparent
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and coalesce(parent.relname, c.relname) = any($1)
)
select 'invalid', format('index %s on %I', i.indexrelid::regclass, o.relname),
       case when c.relkind = 'I'
            then format('it was never finished: %s of %s partitions have none (%s)', lacking.n, lacking.of, lacking.names)
            else '` + detailBrokenOff + `'
       end
from pg_index i
join ours o on o.oid = i.indrelid
join pg_class c on c.oid = i.indexrelid
cross join lateral (
    select count(*) filter (where child.indexrelid is null) as n,
           count(*) as of,
           left(string_agg(p.inhrelid::regclass::text, ', ' order by p.inhrelid) filter (where child.indexrelid is null), 60) as names
    from pg_inherits p
    left join (pg_inherits a join pg_index child on child.indexrelid = a.inhrelid)
           on a.inhparent = i.indexrelid and child.indrelid = p.inhrelid and child.indisvalid
    where p.inhparent = i.indrelid
) lacking
where not i.indisvalid
union all
select 'extra', format('index %s on %I', i.indexrelid::regclass, o.relname), '` + detailUnattached + `'
from pg_index i
join ours o on o.oid = i.indrelid
where o.relname <> o.family
  and not exists (select 1 from pg_inherits a where a.inhrelid = i.indexrelid)
union all
select 'invalid', format('constraint %I on %I', c.conname, o.relname), 'rows older than it are not checked; VALIDATE CONSTRAINT checks them'
from pg_constraint c
join ours o on o.oid = c.conrelid
where not c.convalidated
union all
select 'disabled', format('triggers of %I', o.family), format('%s of them, which foreign keys need; ENABLE TRIGGER ALL', count(*))
from pg_trigger t
join ours o on o.oid = t.tgrelid
where t.tgenabled <> 'O'
group by o.family
union all
select 'extra', format('trigger %I on %I', t.tgname, o.relname), ''
from pg_trigger t
join ours o on o.oid = t.tgrelid
where not t.tgisinternal
  and t.tgparentid = 0
union all
select 'changed', format('table %I', o.relname), '` + detailUnlogged + `'
from ours o
where o.relpersistence = 'u'
order by 1, 2`

func queryDrift(ctx context.Context, s *session, query string, args ...any) ([]Drift, error) {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	drift, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Drift])
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	return drift, nil
}

func queryStrings(ctx context.Context, s *session, query string, args ...any) ([]string, error) {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	return names, nil
}
