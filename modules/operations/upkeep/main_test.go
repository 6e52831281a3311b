package upkeep_test

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// smallSlices let little be removed in many transactions.
const smallSlices = "PURGE_ROWS=100"

// figure are the bytes of files, which depend on ids and times.
var figure = regexp.MustCompile(`in \d+ bytes`)

// do has one task done, and gives what it says.
func do(t *testing.T, w *testworld.World, task string) string {
	t.Helper()
	status, said := try(t, w, task)
	require.Equal(t, "ok", status, said)
	return figure.ReplaceAllString(said, "in … bytes")
}

// forgot is what the task operations says.
func forgot(collections, operations int64) string {
	return fmt.Sprintf("Deleted collections forgotten: %d; operations removed: %d. Rows archived: %[2]d, in … bytes.", collections, operations)
}

// contentBytes are those of one of the first ten files, and of its text.
const contentBytes = 46 + 39

// emptied is what the task bin says where so many of these files were removed.
func emptied(documents int64) string {
	return fmt.Sprintf("Documents removed: %d; bytes of their contents: %d; files of broken uploads: 0.", documents, documents*contentBytes)
}

// try has one task done that may fail, and gives what became of it.
func try(t *testing.T, w *testworld.World, task string) (status, said string) {
	t.Helper()
	// The others are not due.
	w.Exec(`
insert into scheduled_tasks as t (name, next_due_at)
select name, now() + interval '1 hour' from unnest(array['audit-log', 'analyze', 'recount', 'bin', 'operations', 'expired']) name
on conflict (name) do update set next_due_at = excluded.next_due_at`)
	w.Exec(`update scheduled_tasks set next_due_at = now() - interval '1 second' where name = $1`, task)
	require.NoError(t, w.Schedule.Work(t.Context()))
	return testworld.Value[string](w, `select last_status from scheduled_tasks where name = $1`, task),
		testworld.Value[string](w, `select concat_ws(' / ', last_summary, last_error) from scheduled_tasks where name = $1`, task)
}

// files are so many, each with a content of its own.
func files(n int) []testworld.File {
	all := make([]testworld.File, n)
	for i := range all {
		all[i] = testworld.File{Path: fmt.Sprintf("%d.html", i), Content: fmt.Sprintf("<p>The house number %d stands by the river.</p>", i)}
	}
	return all
}

// bin deletes documents as if that had been so long ago.
func bin(w *testworld.World, c collections.Collection, ago time.Duration, docs ...documents.Document) {
	ids := make([]uuid.UUID, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	w.Exec(`delete from chunk_search where document_id = any($1)`, ids)
	w.Exec(`delete from chunks where document_id = any($1)`, ids)
	w.Exec(`update documents set status = 'deleted', deleted_at = now() - $2::interval, chunk_count = 0 where id = any($1)`, ids, ago)
	w.Exec(`
update collections set
  document_count = (select count(*) from documents where collection_id = $1 and status <> 'deleted'),
  total_size_bytes = (select coalesce(sum(file_size), 0) from documents where collection_id = $1 and status <> 'deleted'),
  chunk_count = (select count(*) from chunks where collection_id = $1),
  vector_count = (select count(*) from chunk_search where collection_id = $1)
where id = $1`, c.ID)
	w.Exec(`
update collection_sources s set
  document_count = (select count(*) from documents where source_id = s.id and status <> 'deleted'),
  size_bytes = (select coalesce(sum(file_size), 0) from documents where source_id = s.id and status <> 'deleted')
where collection_id = $1`, c.ID)
}

// there says which of the documents have a row, and which of them a content.
func there(w *testworld.World, docs []documents.Document) (rows, contents []bool) {
	for _, d := range docs {
		rows = append(rows, w.Int(`select count(*) from documents where id = $1`, d.ID) == 1)
		contents = append(contents, w.Int(`select count(*) from document_contents where document_id = $1`, d.ID) > 0)
	}
	return rows, contents
}

const day = 24 * time.Hour
