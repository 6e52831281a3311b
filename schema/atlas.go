package schema

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// historyTable keeps its rows whatever is rolled back.
const historyTable = "schema_history"

// states are the two sides of a comparison, as Atlas describes them.
type states struct {
	driver  migrate.Driver
	present *atlas.Schema // what there is, without what is not ours
	desired *atlas.Schema // what the declaration says
}

// inspect describes what there is and what there shall be. It runs in the
// session's transaction, in which the extensions must be there already.
func (m *Manager) inspect(ctx context.Context, s *session, partitions int) (*states, error) {
	tables, err := m.decl.tablesFor(partitions)
	if err != nil {
		return nil, err
	}
	// The catalogue has thousands of rows that no statistics know of yet; planned
	// with nested loops, Atlas's look at the indexes takes 80 to 300 ms, without
	// them 12.
	if err := execScript(ctx, s.conn, "set local enable_nestloop = off"); err != nil {
		return nil, fmt.Errorf("preparing the comparison: %w", err)
	}
	driver, err := postgres.Open(s.std)
	if err != nil {
		return nil, fmt.Errorf("preparing the comparison: %w", err)
	}
	st := &states{driver: driver}

	err = s.inScratch(ctx, func(ctx context.Context, scratch string) error {
		if err := execScript(ctx, s.conn, tables); err != nil {
			return fmt.Errorf("building the declared tables: %w", err)
		}
		st.desired, err = driver.InspectSchema(ctx, scratch, &atlas.InspectOptions{})
		return err
	})
	if err != nil {
		return nil, err
	}
	st.desired.Name = publicSchema
	st.desired.Attrs = nil // the schema itself (its comment) is not ours

	if st.present, err = driver.InspectSchema(ctx, publicSchema, &atlas.InspectOptions{}); err != nil {
		return nil, fmt.Errorf("reading the tables that are there: %w", err)
	}
	st.present.Attrs = nil
	if err := execScript(ctx, s.conn, "set local enable_nestloop to default"); err != nil {
		return nil, fmt.Errorf("after reading the tables: %w", err)
	}
	return st, m.forgetForeign(ctx, s, st)
}

// forgetForeign takes out of the present state what no version of the program
// has made, so that nothing is planned for it: the database may be shared.
func (m *Manager) forgetForeign(ctx context.Context, s *session, st *states) error {
	created, err := readCreatedTables(ctx, s)
	if err != nil {
		return err
	}
	st.present.Tables = slices.DeleteFunc(st.present.Tables, func(t *atlas.Table) bool {
		_, declared := st.desired.Table(t.Name)
		return !declared && !created[t.Name]
	})
	st.present.Objects = nil // types, of which we have none
	return nil
}

// changes lists what leads from one state to another.
func (st *states) changes(from, to *atlas.Schema) ([]atlas.Change, error) {
	// Without DiffNormalized, a changed CHECK would not be seen.
	changes, err := st.driver.SchemaDiff(from, to, atlas.DiffNormalized())
	if err != nil {
		return nil, fmt.Errorf("comparing the schemas: %w", err)
	}
	return changes, nil
}

// statements turns changes into SQL, in an order that works.
func (st *states) statements(ctx context.Context, changes []atlas.Change) ([]Statement, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	plan, err := st.driver.PlanChanges(ctx, "semantik", changes)
	if err != nil {
		return nil, fmt.Errorf("planning the changes: %w", err)
	}
	statements := make([]Statement, 0, len(plan.Changes))
	for _, change := range plan.Changes {
		if len(change.Args) > 0 {
			return nil, fmt.Errorf("a planned statement has arguments, which the history cannot keep: %s", change.Cmd)
		}
		statements = append(statements, describe(change, changes))
	}
	return statements, nil
}

// unalterable compares what no ALTER TABLE changes: how a table is partitioned
// and how a column is computed. Atlas fails at the first such difference; here
// they are collected, and made equal so that the comparison can go on.
func (st *states) unalterable() []Drift {
	var drift []Drift
	for _, want := range st.desired.Tables {
		have, ok := st.present.Table(want.Name)
		if !ok {
			continue
		}
		if a, b := partitioning(have), partitioning(want); a != b {
			drift = append(drift, Drift{Problem: ProblemChanged, Object: "table " + want.Name,
				Detail: fmt.Sprintf("it is %s and should be %s", a, b)})
			replaceAttr[*postgres.Partition](&have.Attrs, want.Attrs)
		}
		for _, column := range want.Columns {
			present, ok := have.Column(column.Name)
			if !ok {
				continue
			}
			if a, b := generation(present), generation(column); a != b && b != "" {
				drift = append(drift, Drift{Problem: ProblemChanged, Object: fmt.Sprintf("column %s.%s", want.Name, column.Name),
					Detail: fmt.Sprintf("it is %s and should be %s", orNot(a, "generated as "), orNot(b, "generated as "))})
				replaceAttr[*atlas.GeneratedExpr](&present.Attrs, column.Attrs)
			}
		}
	}
	return drift
}

func orNot(s, prefix string) string {
	if s == "" {
		return "a plain column"
	}
	return prefix + s
}

func generation(c *atlas.Column) string {
	for _, attr := range c.Attrs {
		if x, ok := attr.(*atlas.GeneratedExpr); ok {
			return x.Expr
		}
	}
	return ""
}

func partitioning(t *atlas.Table) string {
	for _, attr := range t.Attrs {
		p, ok := attr.(*postgres.Partition)
		if !ok {
			continue
		}
		parts := make([]string, len(p.Parts))
		for i, part := range p.Parts {
			parts[i] = "an expression"
			if part.C != nil {
				parts[i] = part.C.Name
			}
		}
		return "partitioned by " + p.T + " (" + strings.Join(parts, ", ") + ")"
	}
	return "not partitioned"
}

// replaceAttr gives a list of attributes the other's attribute of a type.
func replaceAttr[T atlas.Attr](attrs *[]atlas.Attr, from []atlas.Attr) {
	*attrs = slices.DeleteFunc(*attrs, func(a atlas.Attr) bool { _, is := a.(T); return is })
	for _, a := range from {
		if _, is := a.(T); is {
			*attrs = append(*attrs, a)
		}
	}
}
