package schema

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ApplyOptions say what an apply may do.
type ApplyOptions struct {
	// AllowDestructive permits statements that lose data.
	AllowDestructive bool
	// SkipIfCurrent returns at once when this very schema was the last one
	// applied, without looking whether it has drifted since; for a server's
	// start. Without it, drift is mended. Indexes on large tables are then left to
	// [Manager.Finish], so that nobody waits for them.
	SkipIfCurrent bool
}

// Applied is what an apply did.
type Applied struct {
	// Queue are the migrations of the queue's tables that were run.
	Queue []QueueMigration `json:"queue"`
	// Statements that were run.
	Statements []Statement `json:"statements"`
	// Online are the indexes that were built after the transaction, while everybody
	// read and wrote; some of them may be what an earlier apply did not finish.
	Online []string `json:"online,omitempty"`
	// Attached are partitions that stood beside their table, or had another name, and were
	// put back, before all else.
	Attached []string `json:"attached,omitempty"`
	// Partitions made.
	Partitions int `json:"partitions"`
	// Entry of the history; nil when there was nothing to write down.
	Entry *Entry `json:"entry"`
	// Duration of the whole, waiting included.
	Duration time.Duration `json:"duration"`
}

// Empty reports whether nothing had to be done.
func (a *Applied) Empty() bool {
	return len(a.Queue) == 0 && a.Entry == nil && len(a.Online) == 0 && len(a.Attached) == 0
}

// Apply makes the database what the declaration says. Of several processes that
// call it at once, one does the work and the others find it done. All changes
// but those of the queue's own tables are in one transaction, so that after an
// error the tables are as they were.
//
// Errors: [PostgresVersionError], [NewerSchemaError], [PartitionCountError],
// [DestructiveError], [UnplannableError], [GapError], [ErrBusy], [ErrLocked],
// [ErrReadOnly].
func (m *Manager) Apply(ctx context.Context, o ApplyOptions) (*Applied, error) {
	start := time.Now()
	applied := &Applied{}
	err := m.apply(ctx, o, start, applied)
	if hasCode(err, codeReadOnly) {
		return nil, fmt.Errorf("%w: %w", ErrReadOnly, err)
	}
	if refused := (*DestructiveError)(nil); errors.As(err, &refused) {
		refused.Finished = slices.Concat(applied.Attached, applied.Online)
	}
	if err != nil && !errors.Is(err, errDone) {
		return nil, err
	}
	applied.Duration = time.Since(start)
	return applied, nil
}

func (m *Manager) apply(ctx context.Context, o ApplyOptions, start time.Time, applied *Applied) error {
	var done func(state) bool
	if o.SkipIfCurrent {
		skipped, err := m.skip(ctx)
		if skipped || err != nil {
			return err
		}
		done = m.isCurrent
	}
	s, st, err := m.openLocked(ctx, done)
	if err != nil {
		return err
	}
	defer s.close()
	if err := m.refuse(st); err != nil {
		return err
	}
	if o.SkipIfCurrent && m.isCurrent(st) {
		return nil // another process did it
	}
	if !o.SkipIfCurrent {
		// What an apply before was killed at. What cannot be, since what it is on is gone
		// since, is planned anew.
		applied.Online, err = m.finish(ctx, s, st.last)
		if err != nil && !hasCode(err, codeUndefinedTable, codeUndefinedColumn) {
			return err
		}
	}
	if applied.Attached, err = m.closeGaps(ctx, s, st); err != nil {
		return err
	}
	if applied.Queue, err = m.applyQueue(ctx, s, st, o); err != nil {
		return err
	}
	if err := m.tightenDeclared(ctx, s); err != nil {
		return err
	}
	err = m.whileLocked(ctx, func(ctx context.Context) error {
		return s.inTx(ctx, true, func(ctx context.Context) error {
			return m.applyInTx(ctx, s, st, o, start, applied)
		})
	})
	if err != nil {
		return err
	}
	if o.SkipIfCurrent {
		return nil
	}
	built, err := m.finish(ctx, s, applied.Entry)
	applied.Online = append(applied.Online, built...)
	return err
}

// skip reports whether a server's start has nothing to change: the schema is the one
// that it knows, or a newer one that goes with it.
func (m *Manager) skip(ctx context.Context) (bool, error) {
	st, err := m.readState(ctx, m.pool)
	if err != nil {
		return false, err
	}
	switch {
	case m.isCurrent(st) && m.refuse(st) == nil:
		return true, nil
	case m.isNewer(st) && m.admits(st) && !st.restoring && m.refusePartitions(st) == nil:
		m.log.WarnContext(ctx, "the database was upgraded by a newer program; this one still goes with it, and should follow soon",
			"revision", m.decl.revision, "database_revision", st.revision())
		return true, nil
	default:
		return false, nil
	}
}

// applyQueue migrates the queue's tables. They commit on their own, so what
// would be refused afterwards is refused before.
func (m *Manager) applyQueue(ctx context.Context, s *session, st state, o ApplyOptions) ([]QueueMigration, error) {
	if st.queueVersion == queueVersion() {
		return nil, nil
	}
	if st.applied {
		err := s.inTx(ctx, false, func(ctx context.Context) error {
			plan, err := m.planInTx(ctx, s, st)
			if err != nil {
				return err
			}
			return plan.permit(o)
		})
		if err != nil {
			return nil, err
		}
	}
	var done []QueueMigration
	err := m.whileLocked(ctx, func(ctx context.Context) error {
		var err error
		done, err = m.migrateQueue(ctx, s, st.queueVersion)
		return err
	})
	return done, err
}

func (p *Plan) permit(o ApplyOptions) error {
	if lost := p.Destructive(); len(lost) > 0 && !o.AllowDestructive {
		return &DestructiveError{Statements: lost}
	}
	return nil
}

func (m *Manager) applyInTx(ctx context.Context, s *session, st state, o ApplyOptions, start time.Time, applied *Applied) error {
	plan, err := m.planInTx(ctx, s, st)
	if err != nil {
		return err
	}
	if err := plan.permit(o); err != nil {
		return err
	}
	if err := m.lockTables(ctx, s, plan.Statements); err != nil {
		return err
	}
	if err := runStatements(ctx, s, plan.Statements); err != nil {
		return err
	}
	before, err := countPartitions(ctx, s)
	if err != nil {
		return err
	}
	known, err := queryStrings(ctx, s, liveFunctionsSQL)
	if err != nil {
		return err
	}
	if err := execScript(ctx, s.conn, m.decl.handwritten()); err != nil {
		return fmt.Errorf("making the functions and partitions: %w", err)
	}
	after, err := countPartitions(ctx, s)
	if err != nil {
		return err
	}

	applied.Statements, applied.Partitions, applied.Entry = plan.Statements, after-before, nil
	if len(plan.Statements) == 0 && after == before && m.isCurrent(st) {
		return nil // nothing that deserves a line
	}
	reverses, err := m.reverses(ctx, s, st, plan, known)
	if err != nil {
		return err
	}
	applied.Entry = &Entry{
		Kind:           KindApply,
		Version:        m.o.Version,
		Revision:       m.decl.revision,
		Hash:           plan.Hash,
		PartitionCount: plan.PartitionCount,
		Statements:     plan.Statements,
		Reverses:       reverses,
		handwritten:    m.decl.handwritten(),
		Details: EntryDetails{
			OldestWriter:    m.decl.oldestWriter,
			PostgresVersion: st.postgres,
			Milliseconds:    time.Since(start).Milliseconds(),
			Queue:           applied.Queue,
			Partitions:      applied.Partitions,
			Irreversible:    plan.Irreversible,
		},
	}
	return record(ctx, s, applied.Entry)
}

const liveFunctionsSQL = `
select format('public.%I(%s)', p.proname, pg_get_function_identity_arguments(p.oid))
from pg_proc p
where p.pronamespace = 'public'::regnamespace
  and not exists (select 1 from pg_depend d where d.classid = 'pg_proc'::regclass and d.objid = p.oid and d.deptype = 'e')
order by 1`

// reverses undo the plan, and drop the functions that were not known before it.
// Those that were come back as they were from the script of the apply before;
// undoing the first apply leaves its functions, which hold nothing.
func (*Manager) reverses(ctx context.Context, s *session, st state, plan *Plan, known []string) ([]Statement, error) {
	if !st.applied || plan.Irreversible != "" {
		return plan.Reverses, nil
	}
	functions, err := queryStrings(ctx, s, liveFunctionsSQL)
	if err != nil {
		return nil, err
	}
	reverses := slices.Clone(plan.Reverses)
	for i, reverse := range reverses {
		// An index that is built online may not be there yet.
		if rest, ok := strings.CutPrefix(reverse.SQL, "DROP INDEX "); ok {
			reverses[i].SQL = "DROP INDEX IF EXISTS " + rest
		}
	}
	for _, function := range functions {
		if !slices.Contains(known, function) {
			reverses = append(reverses, Statement{SQL: "DROP FUNCTION " + function, Kind: "other"})
		}
	}
	return reverses, nil
}

func runStatements(ctx context.Context, s *session, statements []Statement) error {
	for _, statement := range statements {
		if statement.Online {
			continue // after the transaction
		}
		if err := execScript(ctx, s.conn, statement.SQL); err != nil {
			return fmt.Errorf("running %q: %w", statement.SQL, err)
		}
	}
	return nil
}

const countPartitionsSQL = `
select count(*)
from pg_inherits
where inhparent in (to_regclass('public.chunks'), to_regclass('public.chunk_search'), to_regclass('public.audit_log'))`

func countPartitions(ctx context.Context, s *session) (int, error) {
	var n int
	if err := s.conn.QueryRow(ctx, countPartitionsSQL).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting the partitions: %w", err)
	}
	return n, nil
}
