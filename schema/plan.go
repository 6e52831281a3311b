package schema

import (
	"context"
	"fmt"
	"slices"

	atlas "ariga.io/atlas/sql/schema"
)

// Plan is what an apply would do.
type Plan struct {
	Revision       int    `json:"revision"`
	Hash           string `json:"schema_hash"`
	PartitionCount int    `json:"partition_count"`
	// Queue are the pending migrations of the queue's tables, which run first.
	Queue []QueueMigration `json:"queue"`
	// Statements change the tables, in order.
	Statements []Statement `json:"statements"`
	// Reverses undo the statements, in order. They are planned as a whole, since
	// undoing each statement by itself forgets what falls with a column: its
	// indexes and keys.
	Reverses []Statement `json:"reverses"`
	// Irreversible says why there are no Reverses; "" when there are.
	Irreversible string `json:"irreversible,omitempty"`
	// Unfinished are indexes that an apply before was killed at; they are built first.
	Unfinished []string `json:"unfinished"`
	// Handwritten is what is missing or different of the extensions, functions
	// and partitions. They are brought up to date at every apply.
	Handwritten []Drift `json:"handwritten"`
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool {
	return len(p.Queue) == 0 && len(p.Statements) == 0 && len(p.Unfinished) == 0 && len(p.Handwritten) == 0
}

// Destructive lists the statements that lose data.
func (p *Plan) Destructive() []Statement {
	return destructive(p.Statements)
}

func destructive(statements []Statement) []Statement {
	return slices.DeleteFunc(slices.Clone(statements), func(s Statement) bool { return !s.Destructive })
}

// Plan compares the database with the declaration and says what [Manager.Apply]
// would do. It changes nothing: all happens in a transaction that is rolled
// back. It needs the right to create a schema in the database, and no other
// database.
//
// Errors: [PostgresVersionError], [NewerSchemaError], [PartitionCountError],
// [UnplannableError], [ErrBusy].
func (m *Manager) Plan(ctx context.Context) (*Plan, error) {
	s, st, err := m.openLocked(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := m.refuse(st); err != nil {
		return nil, err
	}

	var plan *Plan
	err = s.inTx(ctx, false, func(ctx context.Context) error {
		handwritten, err := m.handwrittenDrift(ctx, s, st)
		if err != nil {
			return err
		}
		if plan, err = m.planInTx(ctx, s, st); err != nil {
			return err
		}
		plan.Handwritten = handwritten
		return nil
	})
	if err != nil {
		return nil, err
	}
	return plan, nil
}

// planInTx plans within the session's transaction, in which it leaves the
// extensions behind.
func (m *Manager) planInTx(ctx context.Context, s *session, st state) (*Plan, error) {
	if err := m.createExtensions(ctx, s); err != nil {
		return nil, err
	}
	partitions := m.partitionCount(st)
	states, err := m.inspect(ctx, s, partitions)
	if err != nil {
		return nil, err
	}
	if drift := states.unalterable(); len(drift) > 0 {
		return nil, &UnplannableError{Drift: drift}
	}
	plan := &Plan{
		Revision:       m.decl.revision,
		Hash:           m.decl.hash(),
		PartitionCount: partitions,
		Queue:          queueMigrationsAfter(st.queueVersion),
		Unfinished:     indexNames(st.unfinished),
	}
	changes, err := states.changes(states.present, states.desired)
	if err != nil {
		return nil, err
	}
	if plan.Statements, err = states.statements(ctx, changes); err != nil {
		return nil, err
	}
	if err := m.measure(ctx, s, plan.Statements); err != nil {
		return nil, err
	}
	if len(changes) > 0 {
		if plan.Reverses, err = states.reverses(ctx); err != nil {
			plan.Reverses, plan.Irreversible = nil, err.Error()
		}
	}
	return plan, nil
}

// reverses plans the way back.
func (st *states) reverses(ctx context.Context) ([]Statement, error) {
	changes, err := st.changes(st.desired, st.present)
	if err != nil {
		return nil, err
	}
	// What was done stays written down, even when all of it is undone.
	changes = slices.DeleteFunc(changes, func(c atlas.Change) bool {
		drop, ok := c.(*atlas.DropTable)
		return ok && drop.T.Name == historyTable
	})
	statements, err := st.statements(ctx, changes)
	for i := range statements {
		statements[i].Effects = nil // those of today say nothing about the day of a rollback
	}
	return statements, err
}

func (m *Manager) createExtensions(ctx context.Context, s *session) error {
	err := execScript(ctx, s.conn, m.decl.extensions)
	switch {
	case err == nil:
		return nil
	case hasCode(err, codeInsufficientPrivilege):
		return fmt.Errorf("creating the extension btree_gin needs the right to create in the database "+
			"(be its owner), or somebody who has it runs extensions.sql once: %w", err)
	case hasCode(err, codeUndefinedFile, codeFeatureNotSupported):
		return fmt.Errorf("this PostgreSQL lacks the extension btree_gin; it is part of the server's contrib package: %w", err)
	default:
		return fmt.Errorf("creating the extensions: %w", err)
	}
}
