package schema

import (
	"slices"
	"strings"

	"ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// Lock is the strength of a lock on a table, as PostgreSQL names it.
type Lock string

// The locks that a schema change takes, weakest first.
const (
	LockShareUpdateExclusive Lock = "SHARE UPDATE EXCLUSIVE" // reads and writes go on
	LockShare                Lock = "SHARE"                  // nobody writes
	LockShareRowExclusive    Lock = "SHARE ROW EXCLUSIVE"    // nobody writes
	LockAccessExclusive      Lock = "ACCESS EXCLUSIVE"       // nobody reads or writes
)

var lockOrder = []Lock{LockShareUpdateExclusive, LockShare, LockShareRowExclusive, LockAccessExclusive}

// Work is what a statement does that takes the longer the larger the table is.
type Work string

// The kinds of work, least first.
const (
	WorkNone    Work = ""        // it changes the catalogue alone
	WorkScan    Work = "scan"    // every row is read
	WorkIndex   Work = "index"   // every row is read, and an index built
	WorkRewrite Work = "rewrite" // every row is written anew, and all indexes with them
)

var workOrder = []Work{WorkNone, WorkScan, WorkIndex, WorkRewrite}

// Effect is what a statement does to a table while it runs. The lock is held until
// the end of the transaction, so by all statements after it too.
type Effect struct {
	Table string `json:"table"`
	Lock  Lock   `json:"lock"`
	Work  Work   `json:"work,omitempty"`
	// Instant is a stronger lock that is taken before, on the table without its partitions,
	// for an instant and beside the transaction; "": none.
	Instant Lock `json:"instant_lock,omitempty"`
	// Partitions that the lock and the work are on as well; 0: it has none.
	Partitions int `json:"partitions,omitempty"`
	// Rows of the table, as PostgreSQL estimates, and its size on the disk without
	// its indexes, partitions together.
	Rows  int64 `json:"rows"`
	Bytes int64 `json:"bytes"`
	// Large tables are those of [Options.LargeTable] or more.
	Large bool `json:"large,omitempty"`
}

// form is a way of changing a table that PostgreSQL has a cost for.
type form string

// The forms that are planned.
const (
	formAddColumn         form = "add a column"
	formAddColumnComputed form = "add a column with a value of its own for each row"
	formDropColumn        form = "drop a column"
	formChangeType        form = "change a type"
	formWidenText         form = "change varchar to text"
	formSetNotNull        form = "set not null"
	formDropNotNull       form = "drop not null"
	formDefault           form = "change a default"
	formIdentity          form = "change an identity"
	formDropExpression    form = "drop a generation expression"
	formAddCheck          form = "add a check"
	formDropConstraint    form = "drop a check, a key or a unique constraint"
	formAddKey            form = "add a primary key or a unique constraint"
	formAddForeignKey     form = "add a foreign key"
	formDropForeignKey    form = "drop a foreign key"
	formCreateIndex       form = "create an index"
	formCreateIndexOnline form = "create an index concurrently"
	formDropIndex         form = "drop an index"
	formCreateTable       form = "create a table"
	formDropTable         form = "drop a table"
	formOther             form = "anything else"
)

// cost is what a form does to the table, and to the one that a foreign key refers to.
type cost struct {
	lock     Lock
	work     Work
	referred Lock // "": no other table is touched
	// referredWork is that on the other table.
	referredWork Work
}

// costs is what PostgreSQL's documentation says: ALTER TABLE (the lock under each
// form, the Notes on rewriting and scanning), CREATE INDEX ("Building Indexes
// Concurrently"), DROP INDEX, DROP TABLE, and chapter 13.3.1 on locks. A test runs each
// form on a table with rows and compares with what PostgreSQL did.
var costs = map[form]cost{
	formAddColumn:         {lock: LockAccessExclusive},
	formAddColumnComputed: {lock: LockAccessExclusive, work: WorkRewrite},
	formDropColumn:        {lock: LockAccessExclusive},
	formChangeType:        {lock: LockAccessExclusive, work: WorkRewrite},
	formWidenText:         {lock: LockAccessExclusive},
	formSetNotNull:        {lock: LockAccessExclusive, work: WorkScan},
	formDropNotNull:       {lock: LockAccessExclusive},
	formDefault:           {lock: LockAccessExclusive},
	formIdentity:          {lock: LockAccessExclusive},
	formDropExpression:    {lock: LockAccessExclusive},
	formAddCheck:          {lock: LockAccessExclusive, work: WorkScan},
	formDropConstraint:    {lock: LockAccessExclusive},
	formAddKey:            {lock: LockAccessExclusive, work: WorkIndex},
	formAddForeignKey:     {LockShareRowExclusive, WorkScan, LockShareRowExclusive, WorkScan}, // the check joins both
	formDropForeignKey:    {lock: LockAccessExclusive, referred: LockAccessExclusive},
	formCreateIndex:       {lock: LockShare, work: WorkIndex},
	formCreateIndexOnline: {lock: LockShareUpdateExclusive, work: WorkIndex},
	formDropIndex:         {lock: LockAccessExclusive},
	formCreateTable:       {referred: LockShareRowExclusive},
	formDropTable:         {lock: LockAccessExclusive, referred: LockAccessExclusive},
	formOther:             {lock: LockAccessExclusive},
}

// touched is a form of change with the tables that it is about.
type touched struct {
	form            form
	table, referred string
}

// formsOf says what a change of a table is to PostgreSQL.
func formsOf(table string, change atlas.Change) []touched {
	one := func(f form) []touched { return []touched{{form: f, table: table}} }
	switch c := change.(type) {
	case *atlas.AddColumn:
		if computed(c.C) || volatileDefault(c.C) {
			return one(formAddColumnComputed)
		}
		if !c.C.Type.Null && c.C.Default == nil {
			return append(one(formAddColumn), one(formSetNotNull)...)
		}
		return one(formAddColumn)
	case *atlas.DropColumn:
		return one(formDropColumn)
	case *atlas.ModifyColumn:
		return columnForms(table, c)
	case *atlas.AddCheck, *atlas.ModifyCheck:
		return one(formAddCheck)
	case *atlas.DropCheck, *atlas.DropPrimaryKey:
		return one(formDropConstraint)
	case *atlas.AddPrimaryKey, *atlas.ModifyPrimaryKey:
		return one(formAddKey)
	case *atlas.AddIndex, *atlas.ModifyIndex:
		return one(formAddKey) // as a constraint: an index alone is a statement of its own
	case *atlas.DropIndex:
		return one(formDropConstraint)
	case *atlas.AddForeignKey:
		return []touched{{formAddForeignKey, table, c.F.RefTable.Name}}
	case *atlas.DropForeignKey:
		return []touched{{formDropForeignKey, table, c.F.RefTable.Name}}
	case *atlas.ModifyForeignKey:
		return []touched{{formDropForeignKey, table, c.From.RefTable.Name}, {formAddForeignKey, table, c.To.RefTable.Name}}
	default:
		return one(formOther)
	}
}

func columnForms(table string, c *atlas.ModifyColumn) []touched {
	var forms []touched
	for _, part := range []struct {
		kind atlas.ChangeKind
		form form
	}{
		{atlas.ChangeType, typeForm(c)},
		{atlas.ChangeNull, nullForm(c)},
		{atlas.ChangeDefault, formDefault},
		{atlas.ChangeAttr, formIdentity},
		{atlas.ChangeGenerated, formDropExpression},
	} {
		if c.Change.Is(part.kind) {
			forms = append(forms, touched{form: part.form, table: table})
		}
	}
	if len(forms) == 0 {
		return []touched{{form: formOther, table: table}}
	}
	return forms
}

func typeForm(c *atlas.ModifyColumn) form {
	if strings.HasPrefix(typeName(c.From), postgres.TypeCharVar) && typeName(c.To) == postgres.TypeText {
		return formWidenText
	}
	return formChangeType
}

func nullForm(c *atlas.ModifyColumn) form {
	if c.To.Type.Null {
		return formDropNotNull
	}
	return formSetNotNull
}

// steady are the functions of which a default has one value for all rows that are
// there, so that none of them is written.
var steady = []string{"now()", "current_timestamp", "transaction_timestamp()", "statement_timestamp()", "current_date", "localtimestamp"}

// volatileDefault reports whether each row gets a default of its own. A function that
// is not known is taken for one that does: what is said too much costs a look.
func volatileDefault(c *atlas.Column) bool {
	x, ok := c.Default.(*atlas.RawExpr)
	return ok && strings.Contains(x.X, "(") && !slices.Contains(steady, strings.ToLower(x.X))
}

// effectsOf adds up what forms do, by table: the strongest lock, the most work.
func effectsOf(forms []touched) []Effect {
	var effects []Effect
	add := func(table string, lock Lock, work Work) {
		if table == "" || lock == "" {
			return
		}
		at := slices.IndexFunc(effects, func(e Effect) bool { return e.Table == table })
		if at < 0 {
			effects = append(effects, Effect{Table: table, Lock: lock, Work: work})
			return
		}
		effects[at].Lock = stronger(lockOrder, effects[at].Lock, lock)
		effects[at].Work = stronger(workOrder, effects[at].Work, work)
	}
	for _, f := range forms {
		c := costs[f.form]
		add(f.table, c.lock, c.work)
		add(f.referred, c.referred, c.referredWork)
	}
	return effects
}

func stronger[T comparable](order []T, a, b T) T {
	if slices.Index(order, b) > slices.Index(order, a) {
		return b
	}
	return a
}
