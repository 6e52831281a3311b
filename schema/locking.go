package schema

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// applyAttempts is how often an apply is tried when tables are in use.
const applyAttempts = 5

// errInUse says that a table was not to be had in time.
var errInUse = errors.New("a table is in use")

// lockTables takes the locks of all statements before the first of them runs, within
// LockTimeout together. One after another, each statement would wait for so long while
// everybody waits for what the ones before it have locked.
func (m *Manager) lockTables(ctx context.Context, s *session, statements []Statement) error {
	locks := map[string]Lock{}
	for _, statement := range statements {
		if statement.Online {
			continue
		}
		for _, e := range statement.Effects {
			locks[e.Table] = stronger(lockOrder, locks[e.Table], e.Lock)
		}
	}
	return m.lockAll(ctx, s, locks)
}

// refersSQL lists the tables that foreign keys of the table $1 refer to, with the names of
// the keys.
const refersSQL = `
select t.relname, c.conname
from pg_constraint c
join pg_class t on t.oid = c.confrelid
where c.conrelid = to_regclass($1) and c.contype = 'f' and c.conparentid = 0 and c.confrelid <> c.conrelid`

// lockReverses takes the locks of a way back, as lockTables does those of a plan. What the
// history says of it is its statements; the locks are at least as strong as theirs.
func (m *Manager) lockReverses(ctx context.Context, s *session, statements []Statement) error {
	locks := map[string]Lock{}
	add := func(table string, lock Lock) { locks[table] = stronger(lockOrder, locks[table], lock) }
	for _, statement := range statements {
		if statement.Table == "" {
			continue // it is about a function
		}
		switch statement.Kind {
		case "create table":
		case "create index":
			add(statement.Table, LockShare)
		default:
			add(statement.Table, LockAccessExclusive)
		}
		for _, found := range referred.FindAllStringSubmatch(statement.SQL, -1) {
			add(found[1], LockShareRowExclusive)
		}
		rows, err := s.conn.Query(ctx, refersSQL, publicSchema+"."+statement.Table)
		if err != nil {
			return fmt.Errorf("looking for foreign keys: %w", err)
		}
		var table, key string
		_, err = pgx.ForEachRow(rows, []any{&table, &key}, func() error {
			if statement.Kind == "drop table" || strings.Contains(statement.SQL, " DROP CONSTRAINT "+quoted(key)) {
				add(table, LockAccessExclusive)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("looking for foreign keys: %w", err)
		}
	}
	there, err := queryStrings(ctx, s, thereSQL, slices.Collect(maps.Keys(locks)))
	if err != nil {
		return err
	}
	maps.DeleteFunc(locks, func(table string, _ Lock) bool { return !slices.Contains(there, table) })
	return m.lockAll(ctx, s, locks)
}

// referred finds the tables that foreign keys to be added refer to.
var referred = regexp.MustCompile(`REFERENCES "public"\."([^"]+)"`)

// thereSQL lists those of the tables $1 that are there.
const thereSQL = `
select relname
from pg_class
where relnamespace = 'public'::regnamespace and relname = any($1) and relkind in ('r', 'p')`

// lockTable locks a table and its partitions. What bounds it is the time of the
// statement: lock_timeout would be for each partition anew.
func lockTable(ctx context.Context, s *session, table string, lock Lock, within time.Duration) error {
	// At least a moment, since 0 would be for ever.
	if err := execScript(ctx, s.conn, fmt.Sprintf("set local statement_timeout = %d", max(within.Milliseconds(), 1))); err != nil {
		return fmt.Errorf("locking the table %s: %w", table, err)
	}
	err := execScript(ctx, s.conn, fmt.Sprintf("lock table %s in %s mode", publicTable(table), lock))
	switch {
	case err == nil:
		return nil
	case hasCode(err, codeQueryCanceled):
		return fmt.Errorf("%w: %s: %w", errInUse, table, err)
	default:
		return fmt.Errorf("locking the table %s: %w", table, err)
	}
}

// lockAll locks tables and their partitions within LockTimeout together, and lets the
// statements of the transaction take as long as they take then.
func (m *Manager) lockAll(ctx context.Context, s *session, locks map[string]Lock) error {
	if len(locks) == 0 {
		return nil
	}
	deadline := time.Now().Add(m.o.LockTimeout)
	for _, table := range slices.Sorted(maps.Keys(locks)) {
		if err := lockTable(ctx, s, table, locks[table], time.Until(deadline)); err != nil {
			return err
		}
	}
	return execScript(ctx, s.conn, "set local statement_timeout = 0")
}

// whileLocked tries fn again while tables that it needs are in use. Each attempt
// gives up soon, because everybody else queues behind a waiting ALTER TABLE. They get
// a tenth of that time before the second attempt, and twice as much before each further.
func (m *Manager) whileLocked(ctx context.Context, fn func(ctx context.Context) error) error {
	return m.again(ctx, applyAttempts, fn)
}

// brieflyAttempts is how often something is tried that waits for a moment each time: a
// minute and a half in all, with [DefaultLockTimeout].
const brieflyAttempts = 20

// briefly runs one statement in a transaction of its own, which waits for its locks for a
// tenth of LockTimeout and is tried again: for a statement of an instant beside everybody's
// work, that can be had sooner or later.
func (m *Manager) briefly(ctx context.Context, s *session, statement string) error {
	short := max((m.o.LockTimeout / 10).Milliseconds(), 1)
	script := fmt.Sprintf("set local lock_timeout = %d; %s", short, statement)
	return m.again(ctx, brieflyAttempts, func(ctx context.Context) error {
		return s.inTx(ctx, true, func(ctx context.Context) error { return execScript(ctx, s.conn, script) })
	})
}

// again tries fn so often, with pauses from a tenth of LockTimeout on that double, up to
// LockTimeout.
func (m *Manager) again(ctx context.Context, attempts int, fn func(ctx context.Context) error) error {
	pause := m.o.LockTimeout / 10
	for attempt := 1; ; attempt++ {
		err := fn(ctx)
		inUse := hasCode(err, codeLockNotAvailable, codeDeadlock) || errors.Is(err, errInUse)
		if err == nil || !inUse || errors.Is(err, ErrLocked) { // one that was tried often enough
			return err
		}
		if attempt == attempts {
			return fmt.Errorf("%w: %w", ErrLocked, err)
		}
		m.log.WarnContext(ctx, "a table is in use; the schema change is tried again", "attempt", attempt, "pause", pause)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(pause*2, m.o.LockTimeout)
	}
}
