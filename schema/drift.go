package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	atlas "ariga.io/atlas/sql/schema"
)

// Problem is what is wrong with an object of the database.
type Problem string

// The problems.
const (
	ProblemMissing  Problem = "missing"  // declared and not there
	ProblemExtra    Problem = "extra"    // there and not declared
	ProblemChanged  Problem = "changed"  // there, and not as declared
	ProblemInvalid  Problem = "invalid"  // there, and not in force
	ProblemDisabled Problem = "disabled" // switched off
)

// Drift is one difference between the database and what it shall be.
type Drift struct {
	Problem Problem `json:"problem"`
	// Object is its kind and name, such as "index ix_users_email on users".
	Object string `json:"object"`
	// Detail says more, where there is more to say.
	Detail string `json:"detail,omitempty"`
	// mend is what mends it, where the rest does not tell; gap is set for a [Gap].
	mend string
	gap  bool
}

func drifted(problem Problem, object, detail string) Drift {
	return Drift{Problem: problem, Object: object, Detail: detail}
}

// String is a line for people.
func (d Drift) String() string {
	if d.Detail == "" {
		return fmt.Sprintf("%s %s", d.Problem, d.Object)
	}
	return fmt.Sprintf("%s %s: %s", d.Problem, d.Object, d.Detail)
}

// Check lists how the database differs from what this program declares, the
// hand-written part and the queue's tables included; nothing, when it does not.
// It changes nothing.
//
// Errors: [PostgresVersionError], [NewerSchemaError], [PartitionCountError],
// [ErrBusy].
func (m *Manager) Check(ctx context.Context) ([]Drift, error) {
	s, st, err := m.openLocked(ctx, nil)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := m.refuse(st); err != nil {
		return nil, err
	}

	drift := []Drift{}
	for _, migration := range queueMigrationsAfter(st.queueVersion) {
		drift = append(drift, drifted(ProblemMissing, fmt.Sprintf("queue migration %d", migration.Version), migration.Name))
	}
	err = s.inTx(ctx, false, func(ctx context.Context) error {
		handwritten, err := m.handwrittenDrift(ctx, s, st)
		if err != nil {
			return err
		}
		tables, err := m.tableDrift(ctx, s, st)
		if err != nil {
			return err
		}
		drift = slices.Concat(drift, tables, handwritten)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return drift, nil
}

// tableDrift compares the tables as Atlas sees them, adds what it does not look
// at, and lists the tables that are not ours.
func (m *Manager) tableDrift(ctx context.Context, s *session, st state) ([]Drift, error) {
	if err := m.createExtensions(ctx, s); err != nil {
		return nil, err
	}
	states, err := m.inspect(ctx, s, m.partitionCount(st))
	if err != nil {
		return nil, err
	}
	drift := states.unalterable()
	changes, err := states.changes(states.present, states.desired)
	if err != nil {
		return nil, err
	}
	for _, change := range changes {
		drift = append(drift, driftOf(change)...)
	}
	foreign, err := foreignTables(ctx, s, states, m.partitionCount(st))
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(states.desired.Tables))
	for _, table := range states.desired.Tables {
		names = append(names, table.Name)
	}
	notInForce, err := queryDrift(ctx, s, notInForceSQL, names)
	if err != nil {
		return nil, err
	}
	unseen, err := unseenDrift(ctx, s, names)
	if err != nil {
		return nil, err
	}
	return slices.Concat(drift, foreign, notInForce, unseen), nil
}

const tablesSQL = `
select c.relname
from pg_class c
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and not exists (
      select 1
      from pg_depend d
      where d.classid = 'pg_class'::regclass
        and d.objid = c.oid
        and d.deptype = 'e'
  )
order by c.relname`

// foreignTables lists the tables that are not ours. What may have been a partition may
// have rows that are.
func foreignTables(ctx context.Context, s *session, st *states, count int) ([]Drift, error) {
	names, err := queryStrings(ctx, s, tablesSQL)
	if err != nil {
		return nil, err
	}
	gaps, err := readGaps(ctx, s.conn, count)
	if err != nil {
		return nil, err
	}
	alike, err := readAlike(ctx, s.conn)
	if err != nil {
		return nil, err
	}
	var drift []Drift
	for _, name := range names {
		_, declared := st.desired.Table(name)
		_, ours := st.present.Table(name)
		if !declared && !ours {
			d := Drift{Problem: ProblemExtra, Object: "table " + quoteIdentifier(name), Detail: detailForeign}
			if slices.ContainsFunc(gaps, func(g Gap) bool { return g.Found == quoteIdentifier(name) }) {
				continue // it is told of as what is missing
			}
			if at := slices.IndexFunc(alike, func(a lookalike) bool { return a.schema == publicSchema && a.name == name }); at >= 0 {
				d.mend = mendAlike(alike[at])
			}
			drift = append(drift, d)
		}
	}
	return drift, nil
}

// driftOf says what a change towards the declaration means for what is there.
func driftOf(change atlas.Change) []Drift {
	switch c := change.(type) {
	case *atlas.AddTable:
		return []Drift{drifted(ProblemMissing, "table "+quoteIdentifier(c.T.Name), "")}
	case *atlas.DropTable:
		return []Drift{drifted(ProblemExtra, "table "+quoteIdentifier(c.T.Name), "made by another version of this program")}
	case *atlas.ModifyTable:
		drift := make([]Drift, 0, len(c.Changes))
		for _, inner := range c.Changes {
			drift = append(drift, tableChange(c.T.Name, inner))
		}
		return drift
	default:
		return []Drift{drifted(ProblemChanged, fmt.Sprintf("%T", change), "")}
	}
}

func tableChange(name string, change atlas.Change) Drift {
	table := quoteIdentifier(name)
	switch c := change.(type) {
	case *atlas.AddColumn:
		return drifted(ProblemMissing, columnOf(table, c.C.Name), "")
	case *atlas.DropColumn:
		return drifted(ProblemExtra, columnOf(table, c.C.Name), "")
	case *atlas.ModifyColumn:
		return drifted(ProblemChanged, columnOf(table, c.To.Name), columnDifference(c))
	case *atlas.AddIndex:
		return drifted(ProblemMissing, on("index", c.I.Name, table), "")
	case *atlas.DropIndex:
		return drifted(ProblemExtra, on("index", c.I.Name, table), "")
	case *atlas.ModifyIndex:
		return drifted(ProblemChanged, on("index", c.To.Name, table), "")
	case *atlas.AddPrimaryKey:
		return drifted(ProblemMissing, "primary key of "+table, "")
	case *atlas.DropPrimaryKey:
		return drifted(ProblemExtra, "primary key of "+table, "")
	case *atlas.ModifyPrimaryKey:
		return drifted(ProblemChanged, "primary key of "+table, "")
	case *atlas.AddForeignKey:
		return drifted(ProblemMissing, on("foreign key", c.F.Symbol, table), "")
	case *atlas.DropForeignKey:
		return drifted(ProblemExtra, on("foreign key", c.F.Symbol, table), "")
	case *atlas.ModifyForeignKey:
		return drifted(ProblemChanged, on("foreign key", c.To.Symbol, table),
			fmt.Sprintf("on delete %s and should be %s", lower(c.From.OnDelete), lower(c.To.OnDelete)))
	case *atlas.AddCheck:
		return drifted(ProblemMissing, on("check", c.C.Name, table), "")
	case *atlas.DropCheck:
		return drifted(ProblemExtra, on("check", c.C.Name, table), c.C.Expr)
	case *atlas.ModifyCheck:
		return drifted(ProblemChanged, on("check", c.To.Name, table),
			fmt.Sprintf("it is %s and should be %s", c.From.Expr, c.To.Expr))
	default:
		return drifted(ProblemChanged, "table "+table, strings.TrimPrefix(fmt.Sprintf("%T", change), "*schema."))
	}
}

// on names something of a table, and columnOf a column.
func on(kind, name, table string) string {
	return fmt.Sprintf("%s %s on %s", kind, quoteIdentifier(name), table)
}

func columnOf(table, name string) string {
	return fmt.Sprintf("column %s.%s", table, quoteIdentifier(name))
}

func lower(option atlas.ReferenceOption) string {
	return strings.ToLower(string(option))
}

func columnDifference(c *atlas.ModifyColumn) string {
	var parts []string
	if c.Change.Is(atlas.ChangeType) {
		parts = append(parts, fmt.Sprintf("its type is %s and should be %s", typeName(c.From), typeName(c.To)))
	}
	if c.Change.Is(atlas.ChangeNull) {
		parts = append(parts, fmt.Sprintf("it is %s and should be %s", nullability(c.From), nullability(c.To)))
	}
	if c.Change.Is(atlas.ChangeDefault) {
		parts = append(parts, fmt.Sprintf("its default is %s and should be %s", defaultOf(c.From), defaultOf(c.To)))
	}
	if c.Change.Is(atlas.ChangeAttr) {
		parts = append(parts, "its identity differs")
	}
	if c.Change.Is(atlas.ChangeGenerated) {
		parts = append(parts, "it is computed and should not be")
	}
	return strings.Join(parts, "; ")
}

func nullability(c *atlas.Column) string {
	if c.Type.Null {
		return "nullable"
	}
	return "not null"
}

func defaultOf(c *atlas.Column) string {
	switch x := c.Default.(type) {
	case *atlas.Literal:
		return x.V
	case *atlas.RawExpr:
		return x.X
	default:
		return "none"
	}
}

// IsGap reports whether it is about a partition of the chunks or of their search rows that
// is not where it should be, which [Manager.Gaps] tells of.
func (d Drift) IsGap() bool { return d.gap }
