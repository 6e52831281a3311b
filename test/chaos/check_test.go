package chaos_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// quietTimeout is how long after the last restart an operation may be active.
const quietTimeout = 60 * time.Second

// awaitQuiet returns when no operation is active, and nothing loaded waits to be found.
func (c *chaos) awaitQuiet(until time.Time) {
	c.t.Helper()
	conn := c.connect()
	defer func() { _ = conn.Close(context.Background()) }()
	left := func(what, sql string) {
		require.Eventually(c.t, func() bool {
			var n int
			require.NoError(c.t, conn.QueryRow(c.t.Context(), sql).Scan(&n))
			return n == 0
		}, time.Until(until), 50*time.Millisecond, what)
	}
	left("no operation is active", `select count(*) from operations where status in ('pending', 'processing')`)
	left("search rows follow", `select count(*) from chunk_search_backlog`)
}

func (c *chaos) connect() *pgx.Conn {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.url)
	require.NoError(c.t, err)
	return conn
}

func query[T any](c *chaos, conn *pgx.Conn, sql string, args ...any) []T {
	c.t.Helper()
	rows, err := conn.Query(c.t.Context(), sql, args...)
	require.NoError(c.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[T])
	require.NoError(c.t, err)
	return found
}

// check compares what is there with what everybody remembers.
func (c *chaos) check(all []*client) {
	conn := c.connect()
	defer func() { _ = conn.Close(context.Background()) }()
	c.checkOperations(conn)
	c.checkCollections(conn)
	c.checkSources(conn, all)
	c.checkFiles(conn, all)
	pool, err := pgxpool.New(c.t.Context(), c.url)
	require.NoError(c.t, err)
	defer pool.Close()
	violations, err := schema.New(pool, schema.Options{}).CheckData(c.t.Context())
	require.NoError(c.t, err)
	for _, v := range violations {
		c.t.Errorf("it does not hold that %s", v)
	}
	for _, p := range c.processes {
		for _, wrong := range []string{"DATA RACE", "panic"} {
			if strings.Contains(p.Log(), wrong) {
				c.t.Errorf("the log of a %s, %s, has %q", p.command, p.Addr, wrong)
			}
		}
	}
}

// checkOperations looks at how each ended, and whether everybody was told the same.
func (c *chaos) checkOperations(conn *pgx.Conn) {
	rows, err := conn.Query(c.t.Context(), `
select o.uuid::text, o.status, o.type, coalesce(regexp_replace(o.error_message, '\d+', 'n', 'g'), ''), o.completed_at is not null,
       (select count(*) from audit_log a where a.action = 'operation.cancel' and a.object_id = o.uuid::text)
from operations o`)
	require.NoError(c.t, err)
	var id, status, kind, reason string
	var ended bool
	var cancels int
	seen := map[string]bool{}
	_, err = pgx.ForEachRow(rows, []any{&id, &status, &kind, &reason, &ended, &cancels}, func() error {
		seen[id] = true
		c.count("operations: " + kind + " " + status + " " + reason)
		o := c.watched.operations[id]
		switch {
		case !ended:
			c.t.Errorf("%s operation %s is %s and has no end", kind, id, status)
		case o.told != status:
			c.t.Errorf("%s operation %s is %s, and who watched was told %q", kind, id, status, o.told)
		case o.cancelled.Load() && (status != "cancelled" || cancels != 1):
			c.t.Errorf("%s operation %s was cancelled, as was acknowledged; it is %s, and was so %d times", kind, id, status, cancels)
		case cancels > 1:
			c.t.Errorf("%s operation %s was cancelled %d times", kind, id, cancels)
		}
		return nil
	})
	require.NoError(c.t, err)
	for id := range c.watched.operations {
		if !seen[id] {
			c.t.Errorf("operation %s was acknowledged and is not there", id)
		}
	}
}

// checkCollections looks for those that should be there, and those that should not.
func (c *chaos) checkCollections(conn *pgx.Conn) {
	last := &client{chaos: c, random: c.random(3000)}
	for _, in := range c.estate.of(deleted) {
		if a, known := last.askAgain(request{method: http.MethodGet, path: "/api/v2/collections/" + in.id}); known && a.status != http.StatusNotFound {
			c.t.Errorf("%s was deleted, and is answered %d", in.name, a.status)
		}
		if purges := query[string](c, conn, `select status from operations where type = 'delete' and collection_id = $1`, in.id); !slices.Equal(purges, []string{"completed"}) {
			c.t.Errorf("%s was deleted, and its purges are %v", in.name, purges)
		}
	}
	for _, in := range c.estate.left() {
		a, known := last.askAgain(request{method: http.MethodGet, path: "/api/v2/collections/" + in.id})
		if status := a.member("status"); known && (a.status != http.StatusOK || status != "ready" && (status != "error" || a.member("status_message") == "")) {
			c.t.Errorf("%s is answered %d: %s", in.name, a.status, a.body)
		}
		c.count("collections left: " + a.member("status"))
	}
	require.Len(c.t, query[string](c, conn, `select id::text from collections`), len(c.estate.order), "there is each collection that was made, and no other")
}

// row is a document as it is.
type row struct {
	ID, CollectionID, Path, Hash, Status string
	Chunks                               int64
	Category                             *string
}

func (c *chaos) checkFiles(conn *pgx.Conn, all []*client) {
	rows, err := conn.Query(c.t.Context(), `
select id::text, collection_id::text, file_path, content_hash, status, chunk_count, error_category
from documents
where status <> 'deleted'`)
	require.NoError(c.t, err)
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	require.NoError(c.t, err)
	there := map[[2]string][]row{}
	for _, d := range found {
		there[[2]string{d.CollectionID, d.Path}] = append(there[[2]string{d.CollectionID, d.Path}], d)
	}
	for _, in := range c.estate.left() {
		for _, client := range all {
			for _, f := range client.files[in] {
				key := [2]string{in.id, f.path}
				c.checkFile(in, f, there[key])
				delete(there, key)
			}
			if f := client.folders[in]; f != nil {
				c.checkFolder(in, f, there)
			}
		}
	}
	for _, d := range there {
		c.t.Errorf("there is a document that nobody sent: %+v", d)
	}
}

// checkFile compares a file's documents, of which there is one or none, with what its
// client knows.
func (c *chaos) checkFile(in *collection, f *file, there []row) {
	if len(there) == 0 {
		if _, possible := f.possible[absent.hash]; !possible {
			c.t.Errorf("%s of %s was acknowledged and is not there", f, in.name)
		}
		return
	}
	c.count("documents left: " + there[0].Status)
	d := there[0]
	now, possible := f.possible[d.Hash]
	switch {
	case len(there) > 1:
		c.t.Errorf("%s of %s is there %d times: %+v", f, in.name, len(there), there)
	case !possible:
		c.t.Errorf("%s of %s has another content than was acknowledged: %+v", f, in.name, d)
	default:
		c.checkDocument(in, f.String(), now, d)
	}
	for _, past := range f.past {
		if found := c.search(in, past.first); past.readable && len(found) > 0 {
			c.t.Errorf("a search for %s in %s finds %v, which had it once", past.first, in.name, found)
		}
	}
}

// checkDocument looks whether what has this content is as it should be, and is found by it.
func (c *chaos) checkDocument(in *collection, f string, now content, d row) {
	if !c.checkStatus(in, f, now, d) {
		return
	}
	for _, word := range []string{now.first, now.last} {
		if found := c.search(in, word); !slices.Equal(found, []string{d.ID}) {
			c.t.Errorf("a search for %s in %s finds %v, and not %s of %s", word, in.name, found, d.ID, f)
		}
	}
}

// checkStatus looks whether what has this content was worked on to its end, and reports
// whether a search has to find it.
func (c *chaos) checkStatus(in *collection, f string, now content, d row) bool {
	switch {
	case !now.readable:
		if d.Status != "failed" || d.Chunks != 0 || d.Category == nil || *d.Category != "permanent" {
			c.t.Errorf("%s of %s cannot be read, and is %+v", f, in.name, d)
		}
	case d.Status != "completed" || d.Chunks == 0:
		c.t.Errorf("%s of %s is not completed: %+v", f, in.name, d)
	default:
		return true
	}
	return false
}

// search gives the documents, each once, that have the word.
func (c *chaos) search(in *collection, word string) []string {
	last := &client{chaos: c, random: c.random(4000)}
	a, known := last.askAgain(jsonRequest(http.MethodPost, "/api/v2/search/single", map[string]any{"collection_id": in.id, "query": word, "k": 100, "include_content": false}))
	var found struct {
		Results []struct {
			DocumentID string `json:"document_id"`
		}
	}
	if err := json.Unmarshal(a.body, &found); !known || a.status != http.StatusOK || err != nil {
		c.t.Errorf("a search for %s in %s is answered %d: %s", word, in.name, a.status, a.body)
		return nil
	}
	var documents []string
	for _, r := range found.Results {
		documents = append(documents, r.DocumentID)
	}
	slices.Sort(documents)
	return slices.Compact(documents)
}
