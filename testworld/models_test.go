package testworld_test

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"gorm.io/gorm/schema"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/testworld"
)

// models are the modules' rows, by their table.
var models = map[string]any{
	"users":              users.User{},
	"refresh_tokens":     users.RefreshToken{},
	"api_keys":           users.APIKey{},
	"collections":        collections.Collection{},
	"collection_sources": collections.Source{},
	"sync_runs":          collections.SyncRun{},
	"documents":          documents.Document{},
	"document_contents":  documents.Content{},
	"chunks":             chunks.Chunk{},
	"chunk_search":       chunks.SearchRow{},
	"operations":         operations.Operation{},
}

// notInModels are the columns that a model leaves out, with the reason.
var notInModels = map[string]string{
	"users.preferences":          "nothing reads or sets them yet; the database has their default",
	"collection_sources.secrets": "never read into a value that could be shown",
	"documents.search":           "the database makes it, and looks into it; nobody reads it",
}

// nullReadsAsZero are the columns that may be null and whose field cannot, with the
// reason.
var nullReadsAsZero = map[string]string{
	"collections.owner_id": "null only in a tombstone whose owner is gone, and no read sees those",
}

// column is one of the live schema.
type column struct {
	Table, Name, Type   string
	Nullable, Generated bool
	HasDefault, Key     bool
}

const selectColumns = `
select c.relname, a.attname, format_type(a.atttypid, a.atttypmod), not a.attnotnull, a.attgenerated <> '',
       a.atthasdef or a.attidentity <> '',
       exists (select 1 from pg_index x where x.indrelid = c.oid and x.indisprimary and a.attnum = any(x.indkey))
from pg_class c
join pg_attribute a on a.attrelid = c.oid
where c.relnamespace = 'public'::regnamespace
  and c.relkind in ('r', 'p')
  and not c.relispartition
  and a.attnum > 0
  and not a.attisdropped`

// fits says which Go types hold every value of a column's type.
var fits = map[string][]reflect.Type{
	"bigint":                   {reflect.TypeFor[int64]()},
	"integer":                  {reflect.TypeFor[int](), reflect.TypeFor[int64]()},
	"text":                     {reflect.TypeFor[string]()},
	"boolean":                  {reflect.TypeFor[bool]()},
	"uuid":                     {reflect.TypeFor[uuid.UUID]()},
	"timestamp with time zone": {reflect.TypeFor[time.Time]()},
	"jsonb":                    {reflect.TypeFor[json.RawMessage](), reflect.TypeFor[operations.Meta]()},
	"bytea":                    {reflect.TypeFor[[]byte]()},
	"tsvector":                 {reflect.TypeFor[string]()},
}

func TestModels_AgreeWithTheLiveSchemaColumnByColumn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	rows, err := w.DB.Querier(t.Context()).Query(t.Context(), selectColumns)
	require.NoError(t, err)
	columns, err := pgx.CollectRows(rows, pgx.RowToStructByPos[column])
	require.NoError(t, err)
	live := map[string]map[string]column{}
	for _, c := range columns {
		if live[c.Table] == nil {
			live[c.Table] = map[string]column{}
		}
		live[c.Table][c.Name] = c
	}
	for table, model := range models {
		t.Run(table, func(t *testing.T) {
			t.Parallel()
			parsed, err := schema.Parse(model, &sync.Map{}, schema.NamingStrategy{})
			require.NoError(t, err)
			require.Equal(t, table, parsed.Table)
			require.NotEmpty(t, live[table], "the table exists")
			for _, name := range parsed.DBNames {
				c, ok := live[table][name]
				if !ok {
					t.Errorf("%s has the field of a column %s that does not exist", parsed.Name, name)
					continue
				}
				compare(t, c, parsed.FieldsByDBName[name], slices.Contains(parsed.PrimaryFieldDBNames, name))
				delete(live[table], name)
			}
			for _, name := range slices.Sorted(maps.Keys(live[table])) {
				if notInModels[table+"."+name] == "" {
					t.Errorf("%s has no field for the column %s", parsed.Name, name)
				}
			}
		})
	}
}

func compare(t *testing.T, c column, f *schema.Field, key bool) {
	t.Helper()
	goType, pointer := f.FieldType, false
	if goType.Kind() == reflect.Pointer {
		goType, pointer = goType.Elem(), true
	}
	// A status is a string with a name, and holds what a string holds.
	base := goType
	if goType.Kind() == reflect.String {
		base = reflect.TypeFor[string]()
	}
	if !slices.Contains(fits[c.Type], base) {
		t.Errorf("%s.%s is %s, which a %s does not hold", c.Table, c.Name, c.Type, f.FieldType)
	}
	nilable := pointer || goType.Kind() == reflect.Slice || nullReadsAsZero[c.Table+"."+c.Name] != ""
	if c.Nullable && !nilable {
		t.Errorf("%s.%s may be null, and a %s may not", c.Table, c.Name, f.FieldType)
	}
	if pointer && !c.Nullable {
		t.Errorf("%s.%s may not be null, and a %s may", c.Table, c.Name, f.FieldType)
	}
	if c.Generated && (f.Creatable || f.Updatable) {
		t.Errorf("%s.%s is generated, and the model would write it", c.Table, c.Name)
	}
	if !c.Generated && !f.Creatable {
		t.Errorf("%s.%s is not generated, and the model would not write it", c.Table, c.Name)
	}
	if f.HasDefaultValue && !c.HasDefault {
		t.Errorf("%s.%s has no default, and the model relies on one", c.Table, c.Name)
	}
	if c.Key != key {
		t.Errorf("%s.%s: part of the primary key? The database says %t, the model %t", c.Table, c.Name, c.Key, key)
	}
}

// A model that is not in the list would not be compared.
func TestModels_TheListHasEveryRowOfTheModules(t *testing.T) {
	t.Parallel()
	isRow := regexp.MustCompile(`is a row of\s+the\s+table\s+([a-z_]+)`)
	files, err := filepath.Glob("../modules/*/*.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var found []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if g, ok := d.(*ast.GenDecl); ok {
				if m := isRow.FindStringSubmatch(g.Doc.Text()); m != nil {
					found = append(found, m[1])
				}
			}
		}
	}
	require.ElementsMatch(t, slices.Sorted(maps.Keys(models)), found)
}
