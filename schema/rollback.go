package schema

import (
	"context"
	"fmt"
	"time"
)

// RollbackOptions say what a rollback may do.
type RollbackOptions struct {
	// AllowDestructive permits statements that lose data: what an apply added,
	// a rollback drops.
	AllowDestructive bool
}

// Rollback undoes the last apply that stands, in one transaction, and writes
// that down. Undoing the first one drops all tables but the history. The queue's
// own tables are left as they are: an older program can use them.
//
// It goes by the history, not by the declaration, so that a program of any
// version can undo what a newer one did.
//
// Errors: [PostgresVersionError], [ErrNothingToRollBack], [IrreversibleError],
// [DestructiveError], [ErrBusy], [ErrLocked].
func (m *Manager) Rollback(ctx context.Context, o RollbackOptions) (*Entry, error) {
	s, st, err := m.openLocked(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if st.last == nil {
		return nil, ErrNothingToRollBack
	}
	if reason := st.last.Details.Irreversible; reason != "" {
		return nil, &IrreversibleError{Entry: st.last.ID, Reason: reason}
	}
	if lost := destructive(st.last.Reverses); len(lost) > 0 && !o.AllowDestructive {
		return nil, &DestructiveError{Statements: lost}
	}

	var entry *Entry
	err = m.whileLocked(ctx, func(ctx context.Context) error {
		return s.inTx(ctx, true, func(ctx context.Context) error {
			var err error
			entry, err = m.rollbackInTx(ctx, s, st)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return entry, nil
}

const setRolledBackSQL = `
update public.schema_history
set rolled_back_by = $2
where id = $1`

func (m *Manager) rollbackInTx(ctx context.Context, s *session, st state) (*Entry, error) {
	start := time.Now()
	if err := m.lockReverses(ctx, s, st.last.Reverses); err != nil {
		return nil, err
	}
	if err := runStatements(ctx, s, st.last.Reverses); err != nil {
		return nil, err
	}
	entry := &Entry{
		Kind:       KindRollback,
		Version:    m.o.Version,
		Statements: st.last.Reverses,
		Details:    EntryDetails{PostgresVersion: st.postgres, RolledBack: st.last.ID},
	}

	// Back to the functions of the apply before, and to the partitions of tables
	// that have just come back.
	applies, err := readEntries(ctx, s.conn, lastAppliesSQL)
	if err != nil {
		return nil, err
	}
	if len(applies) > 1 {
		before := applies[1]
		if err := execScript(ctx, s.conn, before.handwritten); err != nil {
			return nil, fmt.Errorf("going back to the functions and partitions: %w", err)
		}
		entry.Revision, entry.Hash, entry.PartitionCount = before.Revision, before.Hash, before.PartitionCount
		entry.handwritten = before.handwritten
	}

	entry.Details.Milliseconds = time.Since(start).Milliseconds()
	if err := record(ctx, s, entry); err != nil {
		return nil, err
	}
	if _, err := s.conn.Exec(ctx, setRolledBackSQL, st.last.ID, entry.ID); err != nil {
		return nil, fmt.Errorf("marking the entry as undone: %w", err)
	}
	return entry, nil
}
