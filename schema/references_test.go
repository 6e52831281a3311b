package schema_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// elsewhere are the foreign keys whose keeping other rules look at.
var elsewhere = map[string]string{
	"fk_documents_source":        "document_source",
	"fk_chunks_collection":       "chunk_collection",
	"fk_chunks_document":         "chunk_document",
	"fk_chunk_search_collection": "search_row_collection",
	"fk_chunk_search_document":   "search_row_document",
}

func TestRules_LookAtEveryForeignKey(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	rows, err := pool.Query(t.Context(), `
select conname from pg_constraint
where contype = 'f' and conparentid = 0 and connamespace = 'public'::regnamespace and conname like 'fk\_%'`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	keys := map[string]bool{}
	for _, r := range schema.Rules() {
		require.False(t, keys[r.Key], "%s is one rule", r.Key)
		keys[r.Key] = true
		require.NotEmpty(t, r.Meaning, r.Key)
		require.NotEmpty(t, r.Remedy, r.Key)
	}
	for _, name := range names {
		key := elsewhere[name]
		if key == "" {
			key = schema.Reference{Constraint: name}.Key()
		}
		require.True(t, keys[key], "%s has a rule", name)
	}
}
