package schema

import (
	"context"
	"fmt"
	"time"
)

// Tightening is a column that becomes NOT NULL while the table is in use. ALTER
// TABLE … SET NOT NULL alone keeps everybody off the table for as long as it takes to
// read it, and fails on the first row that has no value. So it goes in steps, each of
// them short for everybody else:
//
//  1. a release adds the column, nullable, and writes it from then on;
//  2. the next one declares it NOT NULL, and names it in a Tightening. Its apply gives
//     the rows that have none a value, in slices, then adds a CHECK that is NOT VALID,
//     which binds new rows at once and reads none, validates it while others read and
//     write, sets NOT NULL, for which the CHECK is proof enough, and drops the CHECK.
//
// Between two steps the database is good as it is, and a Tightening that was killed at
// any instant goes on where it was.
type Tightening struct {
	Table, Column string
	// Value is an SQL expression over the row, for rows that have none.
	Value string
}

// TightenProgress is how far a [Tightening] is.
type TightenProgress struct {
	// Table is the one that rows are given values in: a partition, where it has some.
	Table string
	// Pages of it that were looked through, of all.
	Pages, Total int64
	// Rows that were given a value so far, in all partitions.
	Rows int64
}

const (
	// sliceTime is how long a slice shall take: as long a writer waits for a row.
	sliceTime = 100 * time.Millisecond
	// sliceFirst is how many pages the first slice has; it grows and shrinks from there.
	sliceFirst int64 = 16
	sliceMost  int64 = 8192
)

// check is the name of the CHECK for as long as there is one.
func (t Tightening) check() string { return "ck_" + t.Table + "_" + t.Column + "_tightening" }

func (t Tightening) validate() error {
	if !identifier.MatchString(t.Table) || !identifier.MatchString(t.Column) || t.Value == "" || len(t.check()) > 63 {
		return fmt.Errorf("a tightening needs a table, a column and a value: %+v", t)
	}
	return nil
}

// Tighten makes a column NOT NULL, see [Tightening]. progress may be nil; it is told
// after each slice. One that is NOT NULL already, or not there, is left alone.
//
// Errors: [ErrBusy]; [ErrLocked]; an error that says so when rows without a value are
// left, because the value is null for them or somebody still writes such rows. Then the
// column is nullable as before.
func (m *Manager) Tighten(ctx context.Context, t Tightening, progress func(TightenProgress)) error {
	s, _, err := m.openLocked(ctx, nil)
	if err != nil {
		return err
	}
	defer s.close()
	return m.tighten(ctx, s, t, progress)
}

// tightenDeclared runs before an apply what its declaration makes NOT NULL.
func (m *Manager) tightenDeclared(ctx context.Context, s *session) error {
	for _, t := range m.decl.tightenings {
		last := time.Now()
		err := m.tighten(ctx, s, t, func(p TightenProgress) {
			if time.Since(last) > 10*time.Second {
				last = time.Now()
				m.log.InfoContext(ctx, "giving rows a value", "table", p.Table, "column", t.Column, "pages", p.Pages, "of", p.Total, "rows", p.Rows)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

const tightenStateSQL = `
select exists (select from pg_attribute where attrelid = to_regclass($1) and attname = $2 and not attisdropped and not attnotnull),
       exists (select from pg_constraint where conrelid = to_regclass($1) and conname = $3)`

func (m *Manager) tighten(ctx context.Context, s *session, t Tightening, progress func(TightenProgress)) error {
	if err := t.validate(); err != nil {
		return err
	}
	var nullable, checked bool
	err := s.conn.QueryRow(ctx, tightenStateSQL, publicSchema+"."+t.Table, t.Column, t.check()).Scan(&nullable, &checked)
	if err != nil {
		return fmt.Errorf("looking at %s.%s: %w", t.Table, t.Column, err)
	}
	if !nullable {
		return nil
	}
	f := &filling{m: m, s: s, t: t, progress: progress}
	if err := f.all(ctx); err != nil {
		return err
	}
	table, check := publicTable(t.Table), quoted(t.check())
	if !checked {
		add := fmt.Sprintf("alter table %s add constraint %s check (%s is not null) not valid", table, check, quoted(t.Column))
		if err := m.alone(ctx, s, t.Table, LockAccessExclusive, add); err != nil {
			return err
		}
	}
	// Rows that came in between the last look and the check.
	if err := f.all(ctx); err != nil {
		return err
	}
	if err := m.alone(ctx, s, t.Table, LockShareUpdateExclusive, fmt.Sprintf("alter table %s validate constraint %s", table, check)); err != nil {
		if hasCode(err, codeCheckViolation) {
			err = fmt.Errorf("rows of %s are left for which %s is null: %w", t.Table, t.Value, err)
			if undo := m.alone(ctx, s, t.Table, LockAccessExclusive, fmt.Sprintf("alter table %s drop constraint %s", table, check)); undo != nil {
				return fmt.Errorf("%w; and %w", err, undo)
			}
		}
		return err
	}
	return m.alone(ctx, s, t.Table, LockAccessExclusive, fmt.Sprintf("alter table %s alter column %s set not null, drop constraint %s", table, quoted(t.Column), check))
}

// alone runs a statement on a table in a transaction of its own, with the lock that it
// needs on all of its partitions before it begins, and tries it again while they are in use.
func (m *Manager) alone(ctx context.Context, s *session, table string, lock Lock, statement string) error {
	err := m.whileLocked(ctx, func(ctx context.Context) error {
		return s.inTx(ctx, true, func(ctx context.Context) error {
			if err := m.lockAll(ctx, s, map[string]Lock{table: lock}); err != nil {
				return err
			}
			return execScript(ctx, s.conn, statement)
		})
	})
	if err != nil {
		return fmt.Errorf("running %q: %w", statement, err)
	}
	return nil
}

// filling gives rows a value, in slices.
type filling struct {
	m        *Manager
	s        *session
	t        Tightening
	progress func(TightenProgress)
	rows     int64
}

const leavesSQL = `
select c.relname
from pg_class c
where c.relkind = 'r'
  and c.oid in (select to_regclass($1) union all select relid from pg_partition_tree(to_regclass($1)))
order by c.oid`

// all goes through the table, partition by partition, and through each of them again
// until no row is left: others may write such rows meanwhile.
func (f *filling) all(ctx context.Context) error {
	leaves, err := queryStrings(ctx, f.s, leavesSQL, publicSchema+"."+f.t.Table)
	if err != nil {
		return err
	}
	for _, leaf := range leaves {
		for again := true; again; {
			before := f.rows
			if err := f.leaf(ctx, leaf); err != nil {
				return fmt.Errorf("giving %s.%s a value: %w", leaf, f.t.Column, err)
			}
			again = f.rows > before
		}
	}
	return nil
}

// leaf goes through the pages of one table that it has now. A row that is given a value
// moves, so that a slice is told by pages and not by rows.
func (f *filling) leaf(ctx context.Context, leaf string) error {
	var total int64
	err := f.s.conn.QueryRow(ctx, "select pg_relation_size(to_regclass($1)) / current_setting('block_size')::bigint", publicSchema+"."+leaf).Scan(&total)
	if err != nil {
		return err
	}
	update := fmt.Sprintf("update %s set %s = (%s) where ctid >= $1::text::tid and ctid < $2::text::tid and %[2]s is null and (%[3]s) is not null",
		publicTable(leaf), quoted(f.t.Column), f.t.Value)
	pages := sliceFirst
	for page := int64(0); page < total; {
		end, began := min(page+pages, total), time.Now()
		err := f.m.whileLocked(ctx, func(ctx context.Context) error {
			tag, err := f.s.conn.Exec(ctx, update, fmt.Sprintf("(%d,0)", page), fmt.Sprintf("(%d,0)", end))
			f.rows += tag.RowsAffected()
			return err
		})
		if err != nil {
			return err
		}
		page = end
		switch took := time.Since(began); {
		case took > sliceTime:
			pages = max(pages/2, 1)
		case took < sliceTime/2:
			pages = min(pages*2, sliceMost)
		}
		if f.progress != nil {
			f.progress(TightenProgress{Table: leaf, Pages: page, Total: total, Rows: f.rows})
		}
	}
	return nil
}
