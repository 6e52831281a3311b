package operations_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/database"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// quickLease lets a worker that has gone silent be noticed soon.
const quickLease = "OPERATION_LEASE_SECONDS=1"

// Pages of lists.
var (
	onePage   = database.Page{Limit: 50}
	wholePage = database.Page{Limit: database.MaxList}
)

// lockOfACollection is what every end of an operation begins with.
const lockOfACollection = "and deleted_at is null\nfor no key update"

// lapse lets the lease of every operation run out, as if its worker had been
// silent for that long.
func lapse(w *testworld.World) {
	w.Exec(`update operations set lease_until = now() - interval '1 second' where status = 'processing'`)
}

// reached waits for a pause.
func reached(t *testing.T, p *testworld.Pause) {
	t.Helper()
	select {
	case <-p.Reached():
	case <-time.After(30 * time.Second):
		require.FailNow(t, "waited in vain for the statement that should be held back")
	}
}

// stopInTheMiddle stops the worker while it is held at a statement, and returns when it has
// handed back what it was at.
func stopInTheMiddle(t *testing.T, w *testworld.World, p *testworld.Pause) {
	t.Helper()
	stopped := make(chan error, 1)
	go func() { stopped <- w.Worker.Stop(context.Background()) }()
	<-w.Worker.Stopping()
	p.Resume()
	require.NoError(t, <-stopped)
}

// finds says whether a search for the word answers with the documents.
func finds(t *testing.T, w *testworld.World, c collections.Collection, word string) []string {
	t.Helper()
	found := []string{}
	rows, err := w.DB.Querier(t.Context()).Query(testworld.Beside(t.Context()), `
select distinct d.file_path
from chunk_search s
join documents d on d.id = s.document_id
where s.partition_key = $1 and s.collection_id = $2 and s.search @@ chunk_search_query_any($3)
order by 1`, c.PartitionKey, c.ID, word)
	require.NoError(t, err)
	defer rows.Close()
	for rows.Next() {
		var path string
		require.NoError(t, rows.Scan(&path))
		found = append(found, path)
	}
	require.NoError(t, rows.Err())
	return found
}

func statuses(docs []documents.Document) []documents.Status {
	var s []documents.Status
	for _, d := range docs {
		s = append(s, d.Status)
	}
	return s
}
