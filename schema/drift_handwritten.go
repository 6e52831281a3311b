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
	return slices.Concat(extensions, functions, partitions), nil
}

const missingExtensionSQL = `
select 'missing', 'extension btree_gin', ''
where not exists (select 1 from pg_extension where extname = 'btree_gin')`

// functionDriftSQL compares the functions of two schemas: $1 as they shall be,
// and public. What is compared is all that CREATE FUNCTION says.
const functionDriftSQL = `
select case when have.oid is null then 'missing' else 'changed' end,
       format('function %s(%s)', want.proname, pg_get_function_identity_arguments(want.oid)),
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

// partitionDriftSQL compares the partitions with those that there shall be: $1
// of each chunk table, and of the audit log the default one, this month's and
// the next month's. Later months are made ahead, and earlier ones dropped, by
// the server, so they are no drift either way.
const partitionDriftSQL = `
with wanted as (
    select parent, parent || '_p' || key as child, array[format('FOR VALUES IN (%s)', key)] as bounds, false as optional
    from unnest(array['chunks', 'chunk_search']) as parent,
         generate_series(0, $1 - 1) as key
    union all
    select 'audit_log', 'audit_log_default', array['DEFAULT'], false
    union all
    select 'audit_log', 'audit_log_' || to_char(month, 'YYYY_MM'), null, false
    from generate_series(date_trunc('month', now() at time zone 'UTC'),
                         date_trunc('month', now() at time zone 'UTC') + interval '1 month',
                         interval '1 month') as month
), there as (
    select p.relname as parent, c.relname as child, pg_get_expr(c.relpartbound, c.oid) as bound, c.reloptions
    from pg_inherits i
    join pg_class c on c.oid = i.inhrelid
    join pg_class p on p.oid = i.inhparent
    where i.inhparent in (to_regclass('public.chunks'), to_regclass('public.chunk_search'), to_regclass('public.audit_log'))
)
select 'missing', format('partition %s of %s', w.child, w.parent),
       case when to_regclass('public.' || w.child) is not null then 'the table is there, but not attached' else '' end
from wanted w
left join there t on t.parent = w.parent and t.child = w.child
where t.child is null
  and to_regclass('public.' || w.parent) is not null
union all
select 'extra', format('partition %s of %s', t.child, t.parent), t.bound
from there t
left join wanted w on w.parent = t.parent and w.child = t.child
where w.child is null
  and t.parent <> 'audit_log'
union all
select 'changed', format('partition %s of %s', t.child, t.parent), format('it holds %s', t.bound)
from there t
join wanted w on w.parent = t.parent and w.child = t.child
where t.bound <> all (w.bounds)
union all
select 'changed', format('partition %s of %s', t.child, t.parent), 'its autovacuum settings differ'
from there t
where t.parent <> 'audit_log'
  and not coalesce(t.reloptions @> array['autovacuum_vacuum_scale_factor=0.01', 'autovacuum_analyze_scale_factor=0.01'], false)
order by 1, 2`

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
select 'invalid', format('index %s on %s', i.indexrelid::regclass, o.relname),
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
select 'extra', format('index %s on %s', i.indexrelid::regclass, o.relname), '` + detailUnattached + `'
from pg_index i
join ours o on o.oid = i.indrelid
where o.relname <> o.family
  and not exists (select 1 from pg_inherits a where a.inhrelid = i.indexrelid)
union all
select 'invalid', format('constraint %s on %s', c.conname, o.relname), 'rows older than it are not checked; VALIDATE CONSTRAINT checks them'
from pg_constraint c
join ours o on o.oid = c.conrelid
where not c.convalidated
union all
select 'disabled', format('triggers of %s', o.family), format('%s of them, which foreign keys need; ENABLE TRIGGER ALL', count(*))
from pg_trigger t
join ours o on o.oid = t.tgrelid
where t.tgenabled <> 'O'
group by o.family
union all
select 'extra', format('trigger %s on %s', t.tgname, o.relname), ''
from pg_trigger t
join ours o on o.oid = t.tgrelid
where not t.tgisinternal
  and t.tgparentid = 0
union all
select 'changed', format('table %s', o.relname), '` + detailUnlogged + `'
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
