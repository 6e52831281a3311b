package partitions

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
)

// selectMethod reads the catalog alone: how chunks is partitioned, what generates
// the key and on which table, which foreign key ties one key to the other, and the
// triggers that run before a row is inserted. A trigger's type has the bits 1 for
// each row, 2 for before and 4 for insert.
const selectMethod = `
select now(),
       case p.partstrat when 'l' then 'LIST' when 'r' then 'RANGE' when 'h' then 'HASH' else '' end,
       coalesce((
           select string_agg(coalesce(a.attname::text, 'an expression'), ', ' order by k.place)
           from unnest(p.partattrs::smallint[]) with ordinality as k (number, place)
           left join pg_attribute a on a.attrelid = p.partrelid and a.attnum = k.number
       ), ''),
       coalesce(chunk_partition_count(), 0),
       coalesce(case when above.attgenerated = 's' then pg_get_expr(d.adbin, d.adrelid) end, ''),
       coalesce((
           select min(f.conname::text)
           from pg_constraint f
           where f.contype = 'f'
             and f.conrelid = below.attrelid
             and f.confrelid = above.attrelid
             and f.convalidated
             and exists (select from unnest(f.conkey, f.confkey) as k (own, other) where k.own = below.attnum and k.other = above.attnum)
             and exists (select from unnest(f.conkey, f.confkey) as k (own, other)
                         join pg_attribute id on id.attrelid = above.attrelid and id.attname = 'id'
                         where k.other = id.attnum)
       ), ''),
       coalesce(below.attgenerated <> '', false),
       array(
           select t.tgname::text
           from pg_trigger t
           where t.tgrelid = below.attrelid
             and not t.tgisinternal
             and t.tgenabled <> 'D'
             and t.tgtype & 7 = 7
           order by 1
       ),
       current_setting('autovacuum') = 'on'
from (select to_regclass('chunks')::oid as chunks, to_regclass('collections')::oid as collections) as here
left join pg_partitioned_table p on p.partrelid = here.chunks
left join pg_attribute below on below.attrelid = here.chunks and below.attname = 'partition_key'
left join pg_attribute above on above.attrelid = here.collections and above.attname = 'partition_key'
left join pg_attrdef d on d.adrelid = above.attrelid and d.adnum = above.attnum`

// Method reads how a chunk comes to its partition, the time, and whether
// autovacuum runs.
func (r *Repository) Method(ctx context.Context) (m Method, at time.Time, autovacuum bool, err error) {
	err = r.db.Querier(ctx).QueryRow(ctx, selectMethod).Scan(
		&at, &m.Strategy, &m.Column, &m.Count, &m.Expression, &m.ForeignKey, &m.GeneratedOnChunks, &m.Triggers, &autovacuum)
	return m, at.UTC(), autovacuum, r.db.Translate(err)
}

const selectParents = `
select c.relname::text,
       greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid))
from pg_class c
where c.oid in (to_regclass('chunks'), to_regclass('chunk_search'))
order by 1 desc`

// Parents reads when the two partitioned tables were analyzed.
func (r *Repository) Parents(ctx context.Context) ([]Parent, error) {
	rows, err := r.db.Querier(ctx).Query(ctx, selectParents)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Parent])
	return found, r.db.Translate(err)
}
