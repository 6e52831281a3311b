package chunks_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/testworld"
)

// indexes are those of the chunks in a member of an answer.
func indexes(t *testing.T, answer map[string]any, member string) []float64 {
	t.Helper()
	list, ok := answer[member].([]any)
	require.True(t, ok, member)
	var found []float64
	for _, one := range list {
		chunk, ok := one.(map[string]any)
		require.True(t, ok)
		index, ok := chunk["chunk_index"].(float64)
		require.True(t, ok)
		found = append(found, index)
	}
	return found
}

func TestGet_WithTheChunksAround(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	one, two := completed(t, w, c.ID), completed(t, w, c.ID)
	// With gaps: what counts is the order, and not the number.
	for _, d := range []uuid.UUID{one, two} {
		var lines strings.Builder
		for i := range 12 {
			lines.WriteString(lineOf(d, i*10, sentence(i*10)))
		}
		counted(t, post(w, c, "", lines.String()))
	}
	counted(t, post(w, c, "", `{"chunk_index": 49, "content": "before"}`+"\n"+`{"chunk_index": 50, "content": "alone"}`+"\n"+`{"chunk_index": 77, "content": "after"}`))
	at := func(index int) int64 {
		return w.Int(`select id from chunks where document_id = $1 and chunk_index = $2`, one, index)
	}
	around := func(id int64, n int) (before, after []float64) {
		a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: fmt.Sprintf("%s?context=%d", chunkPath(c, id), n), Status: 200}).JSON(t)
		for side, list := range map[string]*[]float64{"before": &before, "after": &after} {
			*list = indexes(t, a, side)
		}
		return before, after
	}
	for _, expected := range []struct {
		id            int64
		n             int
		before, after []float64
	}{
		{at(50), 2, []float64{30, 40}, []float64{60, 70}},
		{at(0), 2, nil, []float64{10, 20}},
		{at(110), 3, []float64{80, 90, 100}, nil},
		{at(50), 10, []float64{0, 10, 20, 30, 40}, []float64{60, 70, 80, 90, 100, 110}},
		{w.Int(`select id from chunks where content = 'alone'`), 2, []float64{49}, []float64{77}},
	} {
		before, after := around(expected.id, expected.n)
		require.Equal(t, expected.before, before)
		require.Equal(t, expected.after, after)
	}
	w.HTTP(t,
		testworld.Scenario{Name: "without", As: &w.Root, Method: http.MethodGet, URL: chunkPath(c, at(50)), Status: 200, HasNot: []string{`"before"`, `"after"`}},
		testworld.Scenario{Name: "too many", As: &w.Root, Method: http.MethodGet, URL: chunkPath(c, at(50)) + "?context=11", Status: 422, Has: []string{"query.context"}},
		testworld.Scenario{Name: "less than none", As: &w.Root, Method: http.MethodGet, URL: chunkPath(c, at(50)) + "?context=-1", Status: 422},
		testworld.Scenario{Name: "of none", As: &w.Root, Method: http.MethodGet, URL: chunkPath(c, 1<<60) + "?context=2", Status: 404},
	)
}

func TestList_APageOfAThousandKnowsThatThereAreMore(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	load(t, w, c.ID, numbered(nil, 2*chunks.MaxPage, sentence))
	first, err := w.Chunks.List(w.As(w.Root), c.ID, chunks.PageQuery{PageSize: chunks.MaxPage, After: &chunks.Key{}})
	require.NoError(t, err)
	require.Len(t, first.Chunks, chunks.MaxPage)
	require.NotNil(t, first.Next)
	second, err := w.Chunks.List(w.As(w.Root), c.ID, chunks.PageQuery{PageSize: chunks.MaxPage, After: first.Next})
	require.NoError(t, err)
	require.Len(t, second.Chunks, chunks.MaxPage)
	require.Nil(t, second.Next)
}

func TestList_ChunksThatNameNoVector(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	// One page looks at 5,000: the first holds one that has none, the second two.
	w.Exec(`insert into chunks (collection_id, partition_key, document_id, chunk_index, content, embedding_vector_id)
select $1, partition_key, $2, i, 'x', case when i in (7, 5005, 10100) then null else 'v' end
from collections, generate_series(0, 10100) i where id = $1`, c.ID, d)
	w.Exec(`update collections set chunk_count = 10101 where id = $1`, c.ID)
	w.Exec(`update documents set chunk_count = 10101 where id = $1`, d)
	w.Exec(`insert into chunk_search_backlog (collection_id, partition_key, load_id, document_id, first_index, last_index, new_chunks)
select id, partition_key, 1, $2, 0, 10100, 0 from collections where id = $1`, c.ID, d)
	for _, of := range []string{"", "&document_id=" + d.String()} {
		var found []float64
		pages := 0
		for after := ""; ; pages++ {
			a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: loadPath(c) + "?without_embedding=true&page_size=2" + of + after, Status: 200, Has: []string{`"total":null`}}).JSON(t)
			found = append(found, indexes(t, a, "chunks")...)
			next, there := a["next"].(string)
			require.Equal(t, there, a["has_next"])
			if !there {
				break
			}
			after = "&after=" + next
		}
		require.Equal(t, []float64{7, 5005, 10100}, found)
		require.Equal(t, 2, pages, "the three looks")
	}
	w.HTTP(t,
		testworld.Scenario{Name: "by number", As: &w.Root, Method: http.MethodGet, URL: loadPath(c) + "?without_embedding=true&page=2", Status: 400, Has: []string{"after"}},
		testworld.Scenario{Name: "of somebody else's document", As: &w.Root, Method: http.MethodGet, URL: loadPath(c) + "?without_embedding=true&document_id=" + uuid.NewString(), Status: 404},
	)
}

// exported reads an export to its end.
func exported(t *testing.T, w *testworld.World, c collections.Collection, after string) []string {
	t.Helper()
	a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: loadPath(c) + "/export" + after, Status: 200})
	require.Equal(t, "application/x-ndjson", a.Header.Get("Content-Type"))
	if a.Body == "" {
		return nil
	}
	require.True(t, strings.HasSuffix(a.Body, "\n"))
	return strings.Split(strings.TrimSuffix(a.Body, "\n"), "\n")
}

func TestExport_CanBeLoadedAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, again := w.Collection(w.Root), w.Collection(w.Root)
	require.Empty(t, exported(t, w, c, ""))
	one, two := completed(t, w, c.ID), completed(t, w, c.ID)
	counted(t, post(w, c, "", linesOf(one, 0, 1499)+linesOf(two, 3, 1502)))
	counted(t, post(w, c, "", `{"chunk_index": 3, "content": "\"<é\u2028&>\\ and a walrus", "metadata": {"n": 1.50}, "token_count": 4, "start_offset": 7, "end_offset": 9, "embedding_vector_id": "v-1", "enabled": false}`+"\n"+
		`{"chunk_index": 9, "content": "`+strings.Repeat("long ", 200_000)+`", "metadata": {"wide": [`+strings.Repeat("1,", 32_000)+`1]}}`))
	lines := exported(t, w, c, "")
	require.Len(t, lines, 3002)

	t.Run("in the order that it says, and from any line on", func(t *testing.T) {
		for _, i := range []int{0, 999, 1499, 1500, 2999, 3000} {
			var last struct {
				DocumentID *string `json:"document_id"`
				ChunkIndex int     `json:"chunk_index"`
			}
			require.NoError(t, json.Unmarshal([]byte(lines[i]), &last))
			document := ""
			if last.DocumentID != nil {
				document = *last.DocumentID
			}
			rest := exported(t, w, c, fmt.Sprintf("?after=%s:%d", document, last.ChunkIndex))
			require.Equal(t, lines[i+1:], rest, "after line %d", i)
		}
		require.Empty(t, exported(t, w, c, "?after=:9"))
		require.Len(t, exported(t, w, c, "?after="+one.String()+":2147483647"), map[bool]int{true: 1502, false: 2}[one.String() < two.String()])
	})
	t.Run("what is no place in it", func(*testing.T) {
		for _, after := range []string{"x", ":", ":-1", ":2147483648", "x:1", one.String(), one.String() + ":", uuid.Nil.String() + ":1", "%27:1", one.String() + ":1:1"} {
			w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: loadPath(c) + "/export?after=" + after, Status: 400, Has: []string{"invalid_cursor"}})
		}
	})
	t.Run("as they are", func(t *testing.T) {
		w.Exec(`insert into documents (id, collection_id, partition_key, file_path, file_name, file_size, content_hash, status)
select gen_random_uuid(), $1, (select partition_key from collections where id = $1), file_path, file_name, file_size, content_hash, status
from documents where collection_id = $2`, again.ID, c.ID)
		w.Exec(`update collections set document_count = 2 where id = $1`, again.ID)
		body := strings.Join(lines, "\n")
		for _, d := range []uuid.UUID{one, two} {
			other := testworld.Value[uuid.UUID](w, `select b.id from documents a join documents b using (content_hash) where a.id = $1 and b.collection_id = $2`, d, again.ID)
			body = strings.ReplaceAll(body, d.String(), other.String())
		}
		require.Equal(t, [4]float64{3002, 0, 0, 2}, counted(t, post(w, again, "", body)))
		require.Equal(t, int64(3002), w.Int(`
select count(*)
from chunks a
left join documents d on d.id = a.document_id
join chunks b on b.collection_id = $2 and b.chunk_index = a.chunk_index
left join documents e on e.id = b.document_id
where a.collection_id = $1 and d.content_hash is not distinct from e.content_hash
  and (a.content, a.metadata, a.enabled) = (b.content, b.metadata, b.enabled)
  and (a.start_offset, a.end_offset, a.token_count, a.embedding_vector_id) is not distinct from (b.start_offset, b.end_offset, b.token_count, b.embedding_vector_id)`, c.ID, again.ID))
	})
}

// Somebody reads an export slowly, and loses the right to on the way: the rest does not
// come, and what came does not pass for all of it.
func TestExport_EndsWithTheRightToRead(t *testing.T) {
	t.Parallel()
	for name, withdraw := range map[string]func(w *testworld.World, c collections.Collection, reader string){
		"the share": func(w *testworld.World, _ collections.Collection, _ string) {
			w.Exec(`delete from collection_permissions`)
		},
		"the account": func(w *testworld.World, _ collections.Collection, reader string) {
			w.Exec(`update users set is_active = false where username = $1`, reader)
		},
		"the collection": func(w *testworld.World, c collections.Collection, _ string) { w.Delete(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c, alice := w.Collection(w.Root), w.User("alice")
			w.Grant(c, alice, collections.Read)
			load(t, w, c.ID, numbered(nil, 30_000, func(i int) string { return sentence(i) + strings.Repeat(" and so on", 100) }))
			connection, err := net.Dial("tcp", w.Address())
			require.NoError(t, err)
			defer func() { _ = connection.Close() }()
			_, err = fmt.Fprintf(connection, "GET %s/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", loadPath(c), w.Token(alice))
			require.NoError(t, err)
			answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			require.Equal(t, http.StatusOK, answer.StatusCode)
			// The rest waits for the reader, whom nobody keeps a connection for.
			noCopy(w)
			withdraw(w, c, "alice")
			got, err := io.ReadAll(answer.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Less(t, strings.Count(string(got), "\n"), 30_000)
		})
	}
}
