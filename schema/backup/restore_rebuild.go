package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// definition is an index or a constraint that is made again after the rows are there.
type definition struct {
	table  string // of ours, in quotes where needed
	create string
	// validate checks the rows, for a foreign key that was made without.
	validate string
	drop     string // "": it goes with its parent's
	parent   bool   // on a partitioned table
	bytes    int64  // of the table, once it is loaded
}

// definitions are what was taken off the tables.
type definitions struct {
	indexes []definition // unique and primary keys included
	keys    []definition // foreign keys
}

// Keys of every kind. That of a partition comes from its parent's, and goes with it.
const constraintsSQL = `
select c.conrelid::regclass::text, quote_ident(c.conname), pg_get_constraintdef(c.oid), c.contype = 'f', t.relkind = 'p', c.conparentid = 0
from pg_constraint c
join pg_class t on t.oid = c.conrelid
left join pg_inherits i on i.inhrelid = t.oid
left join pg_class p on p.oid = i.inhparent
where c.connamespace = 'public'::regnamespace
  and c.contype in ('p', 'u', 'x', 'f')
  and coalesce(p.relname, t.relname) = any ($1)
order by 1, 2`

// Indexes that belong to no constraint.
const indexesSQL = `
select x.indrelid::regclass::text, x.indexrelid::regclass::text, pg_get_indexdef(x.indexrelid), t.relkind = 'p',
       not exists (select 1 from pg_inherits where inhrelid = x.indexrelid)
from pg_index x
join pg_class t on t.oid = x.indrelid
left join pg_inherits i on i.inhrelid = t.oid
left join pg_class p on p.oid = i.inhparent
where t.relnamespace = 'public'::regnamespace
  and coalesce(p.relname, t.relname) = any ($1)
  and not exists (select 1 from pg_constraint where conindid = x.indexrelid)
order by 1, 2`

// takeDefinitions takes indexes and keys off the tables, and gives what makes them again.
// CHECK and NOT NULL stay, which cost little more at the load than later.
func takeDefinitions(ctx context.Context, conn *pgx.Conn, names []string) (*definitions, error) {
	d := &definitions{}
	if err := d.readConstraints(ctx, conn, names); err != nil {
		return nil, fmt.Errorf("reading the constraints: %w", err)
	}
	if err := d.readIndexes(ctx, conn, names); err != nil {
		return nil, fmt.Errorf("reading the indexes: %w", err)
	}
	var drops []string
	for _, all := range [][]definition{d.keys, d.indexes} { // what refers to a key goes before the key
		for _, one := range all {
			if one.drop != "" {
				drops = append(drops, one.drop)
			}
		}
	}
	err := inTx(ctx, conn, func(ctx context.Context) error { return script(ctx, conn, strings.Join(drops, ";\n")) })
	if err != nil {
		return nil, fmt.Errorf("taking the indexes and keys off the tables: %w", err)
	}
	return d, nil
}

func (d *definitions) readConstraints(ctx context.Context, conn *pgx.Conn, names []string) error {
	rows, err := conn.Query(ctx, constraintsSQL, names)
	if err != nil {
		return err
	}
	var table, name, text string
	var foreign, parent, own bool
	_, err = pgx.ForEachRow(rows, []any{&table, &name, &text, &foreign, &parent, &own}, func() error {
		one := definition{table: table, parent: parent, create: fmt.Sprintf("alter table %s add constraint %s %s", table, name, text)}
		if own {
			one.drop = fmt.Sprintf("alter table %s drop constraint %s", table, name)
		}
		if foreign {
			if !parent {
				one.create += " not valid"
				one.validate = fmt.Sprintf("alter table %s validate constraint %s", table, name)
			}
			d.keys = append(d.keys, one)
		} else {
			d.indexes = append(d.indexes, one)
		}
		return nil
	})
	return err
}

func (d *definitions) readIndexes(ctx context.Context, conn *pgx.Conn, names []string) error {
	rows, err := conn.Query(ctx, indexesSQL, names)
	if err != nil {
		return err
	}
	var table, name, text string
	var parent, own bool
	_, err = pgx.ForEachRow(rows, []any{&table, &name, &text, &parent, &own}, func() error {
		// PostgreSQL writes a partitioned index as one "ON ONLY" the parent. Without that word
		// it takes over the partitions' indexes that are there.
		one := definition{table: table, parent: parent, create: strings.Replace(text, " ON ONLY ", " ON ", 1)}
		if own {
			one.drop = "drop index " + name
		}
		d.indexes = append(d.indexes, one)
		return nil
	})
	return err
}

// rebuild makes the indexes, then the foreign keys, then the statistics; each first on
// the tables with rows, several at a time and the largest first, and then on the
// partitioned ones, which take over what their partitions have. A foreign key is made
// without a look at the rows and then checked: making it locks the table that it refers
// to against all others that do, checking it does not.
func (r *restore) rebuild(ctx context.Context, d *definitions) error {
	sizes := map[string]int64{}
	for _, t := range r.backup.Manifest.Tables {
		sizes[t.Name] = t.Bytes
	}
	for _, all := range [][]definition{d.indexes, d.keys} {
		for i := range all {
			all[i].bytes = sizes[strings.Trim(all[i].table, `"`)]
		}
	}
	tables, parents := split(d.indexes)
	r.o.Progress.Phase("Building indexes", int64(len(d.indexes)), false)
	if err := r.runGroups(ctx, r.o.Jobs, groupByTable(tables)); err != nil {
		return err
	}
	if err := r.runGroups(ctx, 1, [][]definition{parents}); err != nil {
		return err
	}
	tables, parents = split(d.keys)
	r.o.Progress.Phase("Checking foreign keys", int64(len(d.keys)+len(tables)), false)
	if err := r.runGroups(ctx, 1, [][]definition{tables}); err != nil {
		return err
	}
	checks := make([][]definition, len(tables))
	for i, key := range tables {
		checks[i] = []definition{{create: key.validate}}
	}
	if err := r.runGroups(ctx, r.o.Jobs, checks); err != nil {
		return err
	}
	if err := r.runGroups(ctx, 1, [][]definition{parents}); err != nil {
		return err
	}
	return r.analyze(ctx)
}

// split tells those of tables with rows, the largest first, from those of partitioned
// ones.
func split(all []definition) (tables, parents []definition) {
	for _, d := range all {
		if d.parent {
			parents = append(parents, d)
		} else {
			tables = append(tables, d)
		}
	}
	slices.SortStableFunc(tables, func(a, b definition) int { return int(min(max(b.bytes-a.bytes, -1), 1)) })
	return tables, parents
}

// runGroups runs definitions, those of a group in one transaction.
func (r *restore) runGroups(ctx context.Context, jobs int, groups [][]definition) error {
	return onEach(ctx, jobs, r.builder, groups, func(ctx context.Context, conn *pgx.Conn, group []definition) error {
		return inTx(ctx, conn, func(ctx context.Context) error {
			for _, d := range group {
				if err := script(ctx, conn, d.create); err != nil {
					return fmt.Errorf("running %q: %w", d.create, err)
				}
				r.o.Progress.Add(1)
			}
			return nil
		})
	})
}

// groupByTable puts what is made on the same table together, since two such statements
// would wait for each other's lock.
func groupByTable(all []definition) [][]definition {
	var groups [][]definition
	at := map[string]int{}
	for _, d := range all {
		i, known := at[d.table]
		if !known {
			i = len(groups)
			at[d.table] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], d)
	}
	return groups
}

// builder is a session with memory for sorting. The sessions are as many as there are
// processors to use, so that each builds alone.
func (r *restore) builder(ctx context.Context) (*pgx.Conn, error) {
	conn, err := r.session(ctx)
	if err != nil {
		return nil, err
	}
	const settings = `
select set_config('maintenance_work_mem', greatest(262144, setting::bigint)::text || 'kB', false) from pg_settings where name = 'maintenance_work_mem';
set max_parallel_maintenance_workers = 0;
set max_parallel_workers_per_gather = 0`
	if err := script(ctx, conn, settings); err != nil {
		return nil, joinClose(ctx, fmt.Errorf("preparing a session: %w", err), conn)
	}
	return conn, nil
}

// analyze has PostgreSQL look at what was loaded. Without it the first statements would
// be planned as for empty tables.
func (r *restore) analyze(ctx context.Context) error {
	tables := slices.DeleteFunc(slices.Clone(r.backup.Manifest.Tables), func(t Table) bool { return t.Rows == 0 })
	r.o.Progress.Phase("Gathering statistics", int64(len(tables)), false)
	return onEach(ctx, r.o.Jobs, r.builder, tables, func(ctx context.Context, conn *pgx.Conn, t Table) error {
		if err := script(ctx, conn, "analyze "+t.identifier()); err != nil {
			return fmt.Errorf("analyzing %s: %w", t, err)
		}
		r.o.Progress.Add(1)
		return nil
	})
}
