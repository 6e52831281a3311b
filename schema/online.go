package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// unfinished is an index that is declared and not in force yet: one that an apply
// builds after its transaction, or that was killed while it was built. That of a table
// with partitions is made on the parent alone first, and is not valid until each partition
// has its own, so that it remembers by itself what is left to do.
type unfinished struct {
	// Index is its name, Table that of its table.
	Index, Table string
	// Partitioned ones are built partition by partition.
	Partitioned bool
	// Definition is what stands behind CREATE INDEX name ON table.
	Definition string
}

// unfinishedSQL lists the indexes of ours that are there and not valid. One that a
// constraint owns is none of them: a constraint is made as a whole or not at all.
const unfinishedSQL = `
select c.relname, t.relname, c.relkind = 'I', substring(pg_get_indexdef(i.indexrelid) from ' USING .*$')
from pg_index i
join pg_class c on c.oid = i.indexrelid
join pg_class t on t.oid = i.indrelid
where not i.indisvalid
  and not i.indisunique
  and t.relnamespace = 'public'::regnamespace
  and not t.relispartition
order by c.relname`

// missingSQL asks whether the index $1 is not there and its table $2 is.
const missingSQL = `select to_regclass($1) is null and to_regclass($2) is not null`

// readUnfinished lists what is to be finished: what is declared and not valid, and
// what the last apply was to build and did not begin.
func (m *Manager) readUnfinished(ctx context.Context, q querier, last *Entry) ([]unfinished, error) {
	rows, err := q.Query(ctx, unfinishedSQL)
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished indexes: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[unfinished])
	if err != nil {
		return nil, fmt.Errorf("looking for unfinished indexes: %w", err)
	}
	found = slices.DeleteFunc(found, func(u unfinished) bool { return !strings.Contains(m.decl.tables, u.Index) })
	if last == nil {
		return found, nil
	}
	for _, statement := range last.Statements {
		u, ok := onlineIndex(statement)
		if !ok || !strings.Contains(m.decl.tables, u.Index) || slices.ContainsFunc(found, func(f unfinished) bool { return f.Index == u.Index }) {
			continue
		}
		var missing bool
		if err := q.QueryRow(ctx, missingSQL, publicSchema+"."+u.Index, publicSchema+"."+u.Table).Scan(&missing); err != nil {
			return nil, fmt.Errorf("looking for unfinished indexes: %w", err)
		}
		if missing {
			found = append(found, u)
		}
	}
	return found, nil
}

// onlineIndex reads a planned CREATE INDEX that is to be built online.
func onlineIndex(s Statement) (unfinished, bool) {
	index, definition, ok := splitIndex(s.SQL)
	if !s.Online || !ok {
		return unfinished{}, false
	}
	partitioned := slices.ContainsFunc(s.Effects, func(e Effect) bool { return e.Partitions > 0 })
	return unfinished{Index: index, Table: s.Table, Partitioned: partitioned, Definition: definition}, true
}

// splitIndex takes apart CREATE INDEX "name" ON "public"."table" and what follows.
func splitIndex(sql string) (index, definition string, ok bool) {
	rest, ok := strings.CutPrefix(sql, `CREATE INDEX "`)
	if !ok {
		return "", "", false
	}
	index, rest, ok = strings.Cut(rest, `" ON "public"."`)
	if !ok {
		return "", "", false
	}
	_, definition, ok = strings.Cut(rest, `"`)
	return index, definition, ok
}

// finish builds what is unfinished, outside of any transaction and while everybody
// reads and writes. Whatever it is killed at, the next call goes on from there: an index
// that was built and not attached is attached, one that was half built is dropped and
// built again. The schema's lock keeps two from doing so at once.
func (m *Manager) finish(ctx context.Context, s *session, last *Entry) (done []string, err error) {
	todo, err := m.readUnfinished(ctx, s.conn, last)
	if err != nil || len(todo) == 0 {
		return nil, err
	}
	// Nobody waits for who builds an index concurrently, but it waits for every
	// transaction that is older, however long that takes.
	if err := execScript(ctx, s.conn, "set lock_timeout = 0"); err != nil {
		return nil, fmt.Errorf("before building indexes: %w", err)
	}
	defer func() { // after an error too: an apply may go on
		reset := fmt.Sprintf("set lock_timeout = %d", m.o.LockTimeout.Milliseconds())
		if failed := execScript(ctx, s.conn, reset); failed != nil && err == nil {
			err = fmt.Errorf("after building indexes: %w", failed)
		}
	}()
	for _, u := range todo {
		build := m.finishPlain
		if u.Partitioned {
			build = m.finishPartitioned
		}
		// It can be tried again from the beginning, since it goes by what is there.
		if err := m.whileLocked(ctx, func(ctx context.Context) error { return build(ctx, s, u) }); err != nil {
			return done, fmt.Errorf("building the index %s on %s, which the next apply goes on with: %w", u.Index, u.Table, err)
		}
		done = append(done, u.Index)
	}
	return done, nil
}

func (m *Manager) finishPlain(ctx context.Context, s *session, u unfinished) error {
	m.log.InfoContext(ctx, "building an index while the table is in use", "index", u.Index, "table", u.Table)
	if err := execScript(ctx, s.conn, "drop index concurrently if exists "+publicTable(u.Index)); err != nil {
		return err
	}
	return execScript(ctx, s.conn, fmt.Sprintf("create index concurrently %s on %s%s", quoted(u.Index), publicTable(u.Table), u.Definition))
}

// partsSQL lists the partitions of the index's table that have no part of the index $1
// attached yet, each with the indexes of the same definition that lie about: a valid one
// first, those that are half built after it.
const partsSQL = `
select part.relname,
       coalesce(array_agg(x.relname order by i.indisvalid desc, x.oid) filter (where i.indisvalid), '{}'),
       coalesce(array_agg(x.relname order by x.oid) filter (where not i.indisvalid), '{}')
from pg_index parent
join pg_inherits inh on inh.inhparent = parent.indrelid
join pg_class part on part.oid = inh.inhrelid
left join pg_index i
       on i.indrelid = part.oid
      and not exists (select 1 from pg_inherits a where a.inhrelid = i.indexrelid)
      and not exists (select 1 from pg_constraint c where c.conindid = i.indexrelid)
      and substring(pg_get_indexdef(i.indexrelid) from ' USING .*$') = $2
      and not i.indisunique
left join pg_class x on x.oid = i.indexrelid
where parent.indexrelid = to_regclass($1)
  and not exists (
      select 1
      from pg_inherits a
      join pg_index child on child.indexrelid = a.inhrelid
      where a.inhparent = parent.indexrelid
        and child.indrelid = part.oid
  )
group by part.relname, part.oid
order by part.oid`

// part is a partition that lacks its part of an index.
type part struct {
	Table       string
	Built, Half []string
}

// definitionSQL says how PostgreSQL spells the definition of the index $1; "" where it is
// not there.
const definitionSQL = `select coalesce(substring(pg_get_indexdef(to_regclass($1)) from ' USING .*$'), '')`

// parentIndex makes the index of the parent alone, where it is not there, and gives its
// definition. It may have been there and gone since the apply that declared it.
func (m *Manager) parentIndex(ctx context.Context, s *session, u unfinished) (definition string, err error) {
	read := func() error { return s.conn.QueryRow(ctx, definitionSQL, publicSchema+"."+u.Index).Scan(&definition) }
	if err := read(); definition != "" || err != nil {
		return definition, err
	}
	// Nobody writes to the table while this waits for those that do.
	only := fmt.Sprintf("create index %s on only %s%s", quoted(u.Index), publicTable(u.Table), u.Definition)
	if err := m.briefly(ctx, s, only); err != nil {
		return "", err
	}
	if err := read(); err != nil {
		return "", err
	}
	if definition == "" {
		return "", errNotBuilt
	}
	return definition, nil
}

func (m *Manager) finishPartitioned(ctx context.Context, s *session, u unfinished) error {
	definition, err := m.parentIndex(ctx, s, u)
	if err != nil {
		return err
	}
	rows, err := s.conn.Query(ctx, partsSQL, publicSchema+"."+u.Index, definition)
	if err != nil {
		return err
	}
	parts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[part])
	if err != nil {
		return err
	}
	for n, p := range parts {
		m.log.InfoContext(ctx, "building an index while the table is in use", "index", u.Index, "partition", p.Table, "left", len(parts)-n)
		for _, name := range p.Half {
			if err := execScript(ctx, s.conn, "drop index concurrently if exists "+publicTable(name)); err != nil {
				return err
			}
		}
		if err := m.attachPart(ctx, s, u, p, definition); err != nil {
			return err
		}
	}
	return nil
}

var errNotBuilt = errors.New("the index is not there although it was built; somebody else has dropped it")

func (m *Manager) attachPart(ctx context.Context, s *session, u unfinished, p part, definition string) error {
	if len(p.Built) == 0 {
		// Without a name PostgreSQL gives the one that it would have given itself.
		if err := execScript(ctx, s.conn, fmt.Sprintf("create index concurrently on %s%s", publicTable(p.Table), definition)); err != nil {
			return err
		}
		rows, err := s.conn.Query(ctx, partsSQL, publicSchema+"."+u.Index, definition)
		if err != nil {
			return err
		}
		left, err := pgx.CollectRows(rows, pgx.RowToStructByPos[part])
		if err != nil {
			return err
		}
		at := slices.IndexFunc(left, func(l part) bool { return l.Table == p.Table })
		if at < 0 || len(left[at].Built) == 0 {
			return errNotBuilt
		}
		p.Built = left[at].Built
	}
	// Nobody reads the partition while this waits for those that do.
	return m.briefly(ctx, s, fmt.Sprintf("alter index %s attach partition %s", publicTable(u.Index), publicTable(p.Built[0])))
}

// Finish builds the indexes that an apply has left to be built while everybody reads
// and writes, or was killed at, and gives their names. Where another process changes
// the schema it does nothing: nobody has to wait for an index that the program does
// well without.
func (m *Manager) Finish(ctx context.Context) ([]string, error) {
	st, err := m.readState(ctx, m.pool)
	if err != nil || len(st.unfinished) == 0 || m.refuse(st) != nil {
		return nil, err
	}
	s, err := m.openSession(ctx)
	if err != nil {
		return nil, err
	}
	defer s.close()
	free, err := m.tryLock(ctx, s)
	if err != nil || !free {
		return nil, err
	}
	return m.finish(ctx, s, st.last)
}

func indexNames(list []unfinished) []string {
	names := make([]string, len(list))
	for i, u := range list {
		names[i] = u.Index
	}
	return names
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }

func publicTable(name string) string { return pgx.Identifier{publicSchema, name}.Sanitize() }
