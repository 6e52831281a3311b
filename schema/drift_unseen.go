package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// unseenSQL finds what somebody has added to our tables, or switched at them, that Atlas
// does not look at: the declaration has none of it. $1 are the names of the tables. The
// last column is what takes it back.
const unseenSQL = `
with ours as (
    select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.reloptions, i.inhparent as parent
    from pg_class c
    left join pg_inherits i on i.inhrelid = c.oid
    left join pg_class parent on parent.oid = i.inhparent
    where c.relnamespace = 'public'::regnamespace
      and c.relkind in ('r', 'p')
      and coalesce(parent.relname, c.relname) = any($1)
)
select 'extra', format('rule %I on %I', r.rulename, o.relname), 'it changes what statements do',
       format('DROP RULE %I ON %I', r.rulename, o.relname)
from ours o
join pg_rewrite r on r.ev_class = o.oid
union all
select 'changed', format('table %I', o.relname),
       'it is under row level security' || case when o.relforcerowsecurity then ', for its owner too' else '' end,
       format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY', o.relname)
from ours o
where o.relrowsecurity
   or o.relforcerowsecurity
union all
select 'changed', format('table %I', o.relname), 'autovacuum is switched off for it',
       format('ALTER TABLE %I RESET (autovacuum_enabled)', o.relname)
from ours o
where exists (select 1 from pg_options_to_table(o.reloptions) where option_name = 'autovacuum_enabled' and not option_value::boolean)
  and (o.parent is null or o.parent in (to_regclass('chunks'), to_regclass('chunk_search'), to_regclass('audit_log')))
union all
select 'changed', format('constraint %I on %I', k.conname, o.relname), 'it is deferrable, and may be kept late',
       case k.contype
         when 'f' then format('ALTER TABLE %I ALTER CONSTRAINT %I NOT DEFERRABLE', o.relname, k.conname)
         else format('ALTER TABLE %I DROP CONSTRAINT %I; then "semantik schema apply"', o.relname, k.conname)
       end
from ours o
join pg_constraint k on k.conrelid = o.oid and k.conparentid = 0
where k.condeferrable
union all
select 'extra', format('check %I on %I', k.conname, o.relname),
       case when o.parent is null then pg_get_expr(k.conbin, k.conrelid) else 'it is of this partition alone' end,
       format('ALTER TABLE %I DROP CONSTRAINT %I', o.relname, k.conname)
from ours o
join pg_constraint k on k.conrelid = o.oid and k.contype = 'c' and k.coninhcount = 0
where o.parent is not null
   or cardinality(coalesce(k.conkey, '{}')) = 0
union all
select 'changed', format('column %I.%I', o.relname, a.attname), format('its collation is %s', a.attcollation::regcollation),
       format('ALTER TABLE %I ALTER COLUMN %I TYPE %s COLLATE "default"', o.relname, a.attname, format_type(a.atttypid, a.atttypmod))
from ours o
join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
join pg_type t on t.oid = a.atttypid
where o.parent is null
  and a.attcollation <> t.typcollation
union all
select 'changed', format('column %I.%I', o.relname, a.attname), format('its default is not that of %s', o.parent::regclass),
       format('ALTER TABLE %I ALTER COLUMN %I %s', o.relname, a.attname,
              coalesce('SET DEFAULT ' || pg_get_expr(wanted.adbin, wanted.adrelid), 'DROP DEFAULT'))
from ours o
join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''
join pg_attribute p on p.attrelid = o.parent and p.attname = a.attname
left join pg_attrdef have on have.adrelid = a.attrelid and have.adnum = a.attnum
left join pg_attrdef wanted on wanted.adrelid = p.attrelid and wanted.adnum = p.attnum
where pg_get_expr(have.adbin, have.adrelid) is distinct from pg_get_expr(wanted.adbin, wanted.adrelid)
order by 1, 2`

func unseenDrift(ctx context.Context, s *session, tables []string) ([]Drift, error) {
	rows, err := s.conn.Query(ctx, unseenSQL, tables)
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	drift, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Drift, error) {
		var d Drift
		err := row.Scan(&d.Problem, &d.Object, &d.Detail, &d.mend)
		return d, err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for drift: %w", err)
	}
	return drift, nil
}
