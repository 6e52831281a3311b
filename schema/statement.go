package schema

import (
	"fmt"
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// Statement is one step from what there is to what there shall be.
type Statement struct {
	SQL string `json:"sql"`
	// Kind is "create table", "drop table", "alter table", "create index",
	// "drop index" or "other".
	Kind string `json:"kind"`
	// Table that it is about.
	Table string `json:"table,omitempty"`
	// Destructive statements lose data; Reason says which.
	Destructive bool   `json:"destructive,omitempty"`
	Reason      string `json:"reason,omitempty"`
	// Warning says when the statement can fail, though it loses nothing.
	Warning string `json:"warning,omitempty"`
	// Online statements are no part of the transaction: they run after it, for as
	// long as they take, while everybody reads and writes.
	Online bool `json:"online,omitempty"`
	// Effects are the locks and the work on tables that were there before.
	Effects []Effect `json:"effects,omitempty"`
}

// describe makes a statement of a planned change, and finds out what it does to
// the data.
func describe(change *migrate.Change, all []atlas.Change) Statement {
	st := Statement{SQL: change.Cmd, Kind: kindOf(change.Cmd)}
	var forms []touched
	switch source := change.Source.(type) {
	case *atlas.AddTable:
		st.Table = source.T.Name
		forms = tableForms(formCreateTable, "", source.T)
	case *atlas.DropTable:
		st.Table = source.T.Name
		forms = tableForms(formDropTable, source.T.Name, source.T)
		st.Destructive, st.Reason = true, fmt.Sprintf("dropping the table %s loses its rows", source.T.Name)
	case *atlas.ModifyTable:
		st.Table = source.T.Name
		// A statement about an index or a comment names the whole change of the
		// table as its source; only ALTER TABLE names what it does itself.
		if slices.Contains(all, atlas.Change(source)) {
			forms = []touched{{form: indexForm(st), table: st.Table}}
			break
		}
		var reasons, warnings []string
		for _, c := range source.Changes {
			reason, warning := judge(source.T.Name, c)
			reasons, warnings = appendText(reasons, reason), appendText(warnings, warning)
			forms = append(forms, formsOf(source.T.Name, c)...)
		}
		st.Reason, st.Warning = strings.Join(reasons, "; "), strings.Join(warnings, "; ")
		st.Destructive = st.Reason != ""
	}
	st.Effects = effectsOf(forms)
	return st
}

// tableForms are those of a whole table: its foreign keys touch others.
func tableForms(f form, name string, t *atlas.Table) []touched {
	forms := []touched{{form: f, table: name}}
	for _, key := range t.ForeignKeys {
		if key.RefTable.Name != t.Name {
			forms = append(forms, touched{form: f, table: name, referred: key.RefTable.Name})
		}
	}
	return forms
}

// indexForm is that of a statement about an index, or about something else that is
// said apart from ALTER TABLE, such as a comment.
func indexForm(st Statement) form {
	switch st.Kind {
	case "create index":
		return formCreateIndex
	case "drop index":
		return formDropIndex
	case "alter table":
		if strings.Contains(st.SQL, " DROP CONSTRAINT ") {
			return formDropConstraint
		}
		return formAddKey
	default:
		return formOther
	}
}

func kindOf(sql string) string {
	for _, kind := range []string{"create table", "drop table", "alter table", "create index", "drop index"} {
		verb, object, _ := strings.Cut(strings.ToUpper(kind), " ")
		if rest, ok := strings.CutPrefix(sql, verb+" "); ok && strings.HasPrefix(strings.TrimPrefix(rest, "UNIQUE "), object+" ") {
			return kind
		}
	}
	return "other"
}

func appendText(list []string, text string) []string {
	if text == "" {
		return list
	}
	return append(list, text)
}

// judge says what a change of a table loses, and when it can fail.
func judge(table string, change atlas.Change) (loss, risk string) {
	switch c := change.(type) {
	case *atlas.DropColumn:
		return fmt.Sprintf("dropping the column %s.%s loses its values", table, c.C.Name), ""
	case *atlas.AddColumn:
		if !c.C.Type.Null && c.C.Default == nil && !computed(c.C) {
			return "", fmt.Sprintf("adding the column %s.%s, NOT NULL without a default, fails when the table has rows", table, c.C.Name)
		}
	case *atlas.ModifyColumn:
		if c.Change.Is(atlas.ChangeType) && !widens(c.From, c.To) {
			loss = fmt.Sprintf("changing the type of %s.%s from %s to %s may lose what the new type cannot hold, and rewrites the table",
				table, c.From.Name, typeName(c.From), typeName(c.To))
		}
		if c.Change.Is(atlas.ChangeNull) && !c.To.Type.Null {
			risk = fmt.Sprintf("making %s.%s NOT NULL fails when a row has none, and reads the whole table", table, c.To.Name)
		}
		if c.Change.Is(atlas.ChangeGenerated) {
			risk = fmt.Sprintf("%s.%s is no longer computed, which cannot be undone", table, c.To.Name)
		}
		return loss, risk
	case *atlas.AddCheck:
		return "", fmt.Sprintf("adding the check %s fails when a row breaks it", c.C.Name)
	case *atlas.ModifyCheck:
		return "", fmt.Sprintf("changing the check %s fails when a row breaks it", c.To.Name)
	case *atlas.AddForeignKey:
		return "", fmt.Sprintf("adding the foreign key %s fails when a row breaks it", c.F.Symbol)
	}
	return "", ""
}

func computed(c *atlas.Column) bool {
	return slices.ContainsFunc(c.Attrs, func(a atlas.Attr) bool {
		switch a.(type) {
		case *atlas.GeneratedExpr, *postgres.Identity:
			return true
		}
		return false
	})
}

// widens reports whether every value of the old type is one of the new type.
func widens(from, to *atlas.Column) bool {
	integers := []string{postgres.TypeSmallInt, postgres.TypeInteger, postgres.TypeBigInt}
	a, b := slices.Index(integers, typeName(from)), slices.Index(integers, typeName(to))
	if a >= 0 && b >= 0 {
		return a <= b
	}
	return strings.HasPrefix(typeName(from), postgres.TypeCharVar) && typeName(to) == postgres.TypeText
}

func typeName(c *atlas.Column) string {
	name, err := postgres.FormatType(c.Type.Type)
	if err != nil {
		return c.Type.Raw
	}
	return name
}
