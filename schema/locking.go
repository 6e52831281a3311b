package schema

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
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

// whileLocked tries fn again while tables that it needs are in use. Each attempt
// gives up soon, because everybody else queues behind a waiting ALTER TABLE. They get
// a tenth of that time before the second attempt, and twice as much before each further.
func (m *Manager) whileLocked(ctx context.Context, fn func(ctx context.Context) error) error {
	pause := m.o.LockTimeout / 10
	for attempt := 1; ; attempt++ {
		err := fn(ctx)
		if err == nil || !hasCode(err, codeLockNotAvailable, codeDeadlock) && !errors.Is(err, errInUse) {
			return err
		}
		if attempt == applyAttempts {
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
		pause *= 2
	}
}
