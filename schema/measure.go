package schema

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// sizesSQL gives the size of each of the tables $1 that is there, with that of its
// partitions. An estimate that was never made is 0.
const sizesSQL = `
select t.relname,
       (select count(*) from pg_inherits where inhparent = t.oid),
       coalesce(sum(greatest(c.reltuples, 0)) filter (where c.relkind = 'r'), 0)::bigint,
       sum(pg_table_size(c.oid))::bigint
from pg_class t
cross join lateral (
    select t.oid
    union all
    select relid from pg_partition_tree(t.oid) where relid <> t.oid
) as tree (oid)
join pg_class c on c.oid = tree.oid
where t.relnamespace = 'public'::regnamespace
  and t.relname = any($1)
group by t.oid, t.relname`

type size struct {
	partitions  int
	rows, bytes int64
}

// measure completes the effects of statements with the sizes of the tables, leaves out
// what is done to tables that are not there yet, and decides which indexes are built
// online.
func (m *Manager) measure(ctx context.Context, s *session, statements []Statement) error {
	sizes, err := readSizes(ctx, s, statements)
	if err != nil {
		return err
	}
	for i := range statements {
		statement := &statements[i]
		var effects []Effect
		for _, e := range statement.Effects {
			size, there := sizes[e.Table]
			if !there {
				continue
			}
			e.Partitions, e.Rows, e.Bytes = size.partitions, size.rows, size.bytes
			e.Large = e.Bytes >= m.o.LargeTable
			if e.Large && canBeOnline(*statement) {
				statement.Online = true
				e.Lock, e.Work = costs[formCreateIndexOnline].lock, costs[formCreateIndexOnline].work
				if e.Partitions > 0 {
					e.Instant = costs[formCreateIndex].lock // that of the parent alone
				}
			}
			effects = append(effects, e)
		}
		statement.Effects = effects
	}
	return nil
}

// canBeOnline reports whether the program does well without what the statement makes
// for as long as it is being made. A unique index is not of that kind: until it is
// there, twins come in.
func canBeOnline(s Statement) bool {
	return s.Kind == "create index" && !strings.HasPrefix(s.SQL, "CREATE UNIQUE ")
}

func readSizes(ctx context.Context, s *session, statements []Statement) (map[string]size, error) {
	var names []string
	for _, statement := range statements {
		for _, e := range statement.Effects {
			names = append(names, e.Table)
		}
	}
	sizes := map[string]size{}
	if len(names) == 0 {
		return sizes, nil
	}
	rows, err := s.conn.Query(ctx, sizesSQL, names)
	if err != nil {
		return nil, fmt.Errorf("reading the sizes of the tables: %w", err)
	}
	var name string
	var of size
	_, err = pgx.ForEachRow(rows, []any{&name, &of.partitions, &of.rows, &of.bytes}, func() error {
		sizes[name] = of
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sizes of the tables: %w", err)
	}
	return sizes, nil
}
