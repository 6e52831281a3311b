package testworld

import (
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/users"
)

// Delete deletes a collection as its owner does, and gives the operation that
// purges it.
func (w *World) Delete(c collections.Collection) uuid.UUID {
	w.t.Helper()
	require.NoError(w.t, w.Collections.Delete(w.As(users.User{ID: c.OwnerID}), c.ID))
	return w.PurgeOf(c.ID)
}

// PurgeOf gives the operation that purges a collection that was deleted.
func (w *World) PurgeOf(collection uuid.UUID) uuid.UUID {
	w.t.Helper()
	return Value[uuid.UUID](w, `select uuid from operations where collection_id = $1 and type = 'delete'`, collection)
}

// left are the tables that hold what a collection contains, each with the
// collection_id of its rows.
var left = []string{
	"chunks", "chunk_search", "chunk_search_backlog", "documents", "document_contents", "collection_sources", "sync_runs",
	"collection_permissions",
}

// Left counts the rows of each table that are left of a collection; a table
// without any is absent.
func (w *World) Left(collection uuid.UUID) map[string]int64 {
	w.t.Helper()
	found := map[string]int64{}
	for _, table := range left {
		if n := w.Int(`select count(*) from `+table+` where collection_id = $1`, collection); n > 0 {
			found[table] = n
		}
	}
	return found
}
