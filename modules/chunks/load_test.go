package chunks_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/testworld"
)

// completed registers a document that takes chunks.
func completed(t *testing.T, w *testworld.World, c uuid.UUID) uuid.UUID {
	t.Helper()
	d := document(t, w, c)
	w.Exec(`update documents set status = 'completed' where id = $1`, d.ID)
	return d.ID
}

func loadPath(c collections.Collection) string {
	return "/api/v2/chunking/collections/" + c.ID.String() + "/chunks"
}

// lineOf is a chunk as a loader sends it.
func lineOf(document uuid.UUID, index int, content string) string {
	return fmt.Sprintf(`{"document_id": %q, "chunk_index": %d, "content": %q}`+"\n", document, index, content)
}

// linesOf are the chunks of a document with the indexes from first to last.
func linesOf(document uuid.UUID, first, last int) string {
	var b strings.Builder
	for i := first; i <= last; i++ {
		b.WriteString(lineOf(document, i, sentence(i)))
	}
	return b.String()
}

// post sends a load as the first user does, and gives the answer.
func post(w *testworld.World, c collections.Collection, query string, body any, headers ...string) testworld.Answer {
	all := map[string]string{"Content-Type": "application/x-ndjson"}
	for i := 0; i+1 < len(headers); i += 2 {
		all[headers[i]] = headers[i+1]
	}
	return w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: loadPath(c) + query, Body: body, Headers: all})
}

// counted is what the answer to a load says.
func counted(t *testing.T, a testworld.Answer) [4]float64 {
	t.Helper()
	require.Equal(t, http.StatusCreated, a.Status, a.Body)
	said := a.JSON(t)
	var n [4]float64
	for i, name := range []string{"inserted", "skipped", "replaced", "documents"} {
		n[i], _ = said[name].(float64)
	}
	return n
}

func contents(w *testworld.World, document uuid.UUID) string {
	return testworld.Value[string](w, `select coalesce(string_agg(chunk_index || ':' || content, ' ' order by chunk_index), '') from chunks where document_id = $1`, document)
}

func TestLoad_WhatIsSentIsThereAndCountedAndFound(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	one, two := completed(t, w, c.ID), completed(t, w, c.ID)
	body := "\ufeff" + linesOf(one, 0, 6999) + "\r\n\n" + strings.ReplaceAll(linesOf(two, 5, 5), "\n", "\r\n") +
		`{"chunk_index": 3, "content": "a walrus of its own", "metadata": {"n": 1.50}, "token_count": 4, "start_offset": 7, "end_offset": 9, "embedding_vector_id": "v-1", "id": 17, "created_at": "x"}` + "\n" +
		`{"chunk_index": 4, "content": "a walrus that nobody is to find", "enabled": false}`
	require.Equal(t, [4]float64{7003, 0, 0, 2}, counted(t, post(w, c, "", body)))

	now := w.Read(c.ID)
	require.EqualValues(t, 7003, now.ChunkCount)
	require.Zero(t, now.VectorCount)
	require.EqualValues(t, 7000, w.Document(c.ID, one).ChunkCount)
	require.EqualValues(t, 1, w.Document(c.ID, two).ChunkCount)
	require.Equal(t, "5:"+sentence(5), contents(w, two))
	found, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus", K: 10})
	require.NoError(t, err)
	require.Empty(t, found.Hits)
	require.Contains(t, strings.Join(found.Warnings, " "), "still being indexed: 0 of 7003")

	w.Index()
	require.EqualValues(t, 7003, w.Read(c.ID).VectorCount)
	require.Zero(t, w.Int(`select count(*) from chunk_search_backlog`))
	found, err = w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus", K: 10})
	require.NoError(t, err)
	require.Len(t, found.Hits, 1)
	require.Empty(t, found.Warnings)
	hit := found.Hits[0]
	require.Equal(t, "a walrus of its own", hit.Content)
	require.JSONEq(t, `{"n": 1.50}`, string(hit.Metadata))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'chunk.load' and object_id = $1`, c.ID.String()))
}

func TestLoad_PackedBodiesAndArrays(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	var zip, zst bytes.Buffer
	zipped := gzip.NewWriter(&zip)
	_, err := zipped.Write([]byte(linesOf(d, 0, 999)))
	require.NoError(t, err)
	require.NoError(t, zipped.Close())
	packed, err := zstd.NewWriter(&zst)
	require.NoError(t, err)
	_, err = packed.Write([]byte(linesOf(d, 1000, 1999)))
	require.NoError(t, err)
	require.NoError(t, packed.Close())
	require.Equal(t, [4]float64{1000, 0, 0, 1}, counted(t, post(w, c, "", &zip, "Content-Encoding", "gzip")))
	require.Equal(t, [4]float64{1000, 0, 0, 1}, counted(t, post(w, c, "", &zst, "Content-Encoding", "zstd")))
	array := `{"chunks": [` + strings.Join(strings.Split(strings.TrimSpace(linesOf(d, 2000, 2009)), "\n"), ",") + `]}`
	require.Equal(t, [4]float64{10, 0, 0, 1}, counted(t, post(w, c, "", array, "Content-Type", "application/json; charset=utf-8")))
	require.EqualValues(t, 2010, w.Document(c.ID, d).ChunkCount)
}

func TestLoad_NothingIsAlsoALoad(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	for _, mode := range []string{"", "?on_conflict=skip", "?on_conflict=replace"} {
		require.Equal(t, [4]float64{}, counted(t, post(w, c, mode, "")))
		require.Equal(t, [4]float64{}, counted(t, post(w, c, mode, "\n\r\n  \n")))
		require.Equal(t, [4]float64{}, counted(t, post(w, c, mode, `{"chunks": []}`, "Content-Type", "application/json")))
	}
}

func TestLoad_OnConflict(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d, other := completed(t, w, c.ID), completed(t, w, c.ID)
	require.Equal(t, [4]float64{3, 0, 0, 1}, counted(t, post(w, c, "", lineOf(d, 0, "zero")+lineOf(d, 1, "one")+lineOf(d, 2, "two"))))
	require.Equal(t, [4]float64{1, 0, 0, 0}, counted(t, post(w, c, "", `{"chunk_index": 0, "content": "alone"}`)))
	w.Index()
	w.Exec(`update chunks set edited_at = now() where document_id = $1 and chunk_index = 1`, d)
	more := lineOf(d, 2, "TWO") + lineOf(d, 3, "three") + lineOf(other, 0, "other") + lineOf(d, 3, "THREE") + `{"chunk_index": 0, "content": "ALONE"}`

	t.Run("error names the first and stores nothing", func(t *testing.T) {
		for body, names := range map[string][]string{
			more: {`"chunk_exists"`, d.String(), `"chunk_index":2`, "index 2 already"},
			lineOf(other, 9, "nine") + `{"chunk_index": 0, "content": "ALONE"}`: {`"chunk_exists"`, `"document_id":null`, "index 0 without a document"},
			lineOf(other, 9, "nine") + lineOf(other, 9, "nine"):                 {`"chunk_exists"`, other.String(), `"chunk_index":9`},
			lineOf(other, 9, "nine") + lineOf(uuid.New(), 9, "of nobody's"):     {`"chunk_document_not_found"`},
		} {
			w.In(t).Request(testworld.Scenario{
				As: &w.Root, Method: http.MethodPost, URL: loadPath(c), Body: body, Headers: map[string]string{"Content-Type": "application/x-ndjson"},
				Status: http.StatusConflict, Has: names, HasNot: []string{"SQLSTATE"}, Pure: true,
			})
		}
	})
	t.Run("skip leaves what is there, and of two in the load takes the first", func(t *testing.T) {
		require.Equal(t, [4]float64{2, 3, 0, 2}, counted(t, post(w.In(t), c, "?on_conflict=skip", more)))
		require.Equal(t, "0:zero 1:one 2:two 3:three", contents(w, d))
		require.EqualValues(t, 4, w.Document(c.ID, d).ChunkCount)
		require.EqualValues(t, 6, w.Read(c.ID).ChunkCount)
		require.Equal(t, [4]float64{0, 5, 0, 0}, counted(t, post(w.In(t), c, "?on_conflict=skip", more)), "a second time nothing is new")
	})
	w.Index()
	require.EqualValues(t, 6, w.Read(c.ID).VectorCount)
	t.Run("replace takes what the load has, and of two the last", func(t *testing.T) {
		id := w.Int(`select id from chunks where document_id = $1 and chunk_index = 2`, d)
		require.Equal(t, [4]float64{1, 1, 5, 2}, counted(t, post(w.In(t), c, "?on_conflict=replace", more+"\n"+lineOf(d, 1, "ONE")+lineOf(d, 4, "FOUR"))))
		require.Equal(t, "0:zero 1:ONE 2:TWO 3:THREE 4:FOUR", contents(w, d))
		require.Equal(t, id, w.Int(`select id from chunks where document_id = $1 and chunk_index = 2`, d), "a chunk keeps its id")
		require.Zero(t, w.Int(`select count(*) from chunks where edited_at is not null`))
		require.EqualValues(t, 7, w.Read(c.ID).ChunkCount)
		require.EqualValues(t, 1, w.Read(c.ID).VectorCount, "what was replaced is not found until it is indexed")
		found, err := w.Chunks.Search(w.As(w.Root), chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "two", K: 10})
		require.NoError(t, err)
		require.Empty(t, found.Hits)
	})
	w.Index()
	require.EqualValues(t, 7, w.Read(c.ID).VectorCount)
}

func TestLoad_DocumentsMustBeCompleted(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, elsewhere := w.Collection(w.Root), w.Collection(w.Root)
	theirs := completed(t, w, elsewhere.ID)
	waits := document(t, w, c.ID)
	gone := completed(t, w, c.ID)
	w.Exec(`update documents set status = 'deleted', deleted_at = now() where id = $1`, gone)
	w.Exec(`update collections set document_count = document_count - 1 where id = $1`, c.ID)
	fine := completed(t, w, c.ID)
	for _, mode := range []string{"error", "skip", "replace"} {
		for name, s := range map[string]struct {
			document uuid.UUID
			status   int
			code     string
		}{
			"of another collection": {theirs, 409, "chunk_document_not_found"},
			"that there is not":     {uuid.New(), 409, "chunk_document_not_found"},
			"that waits":            {waits.ID, 409, "document_not_loadable"},
			"that was deleted":      {gone, 404, "document_not_found"},
		} {
			t.Run("a document "+name+", "+mode, func(t *testing.T) {
				w.In(t).Request(testworld.Scenario{
					As: &w.Root, Method: http.MethodPost, URL: loadPath(c) + "?on_conflict=" + mode, Body: lineOf(fine, 0, "fine") + lineOf(s.document, 0, "not"),
					Headers: map[string]string{"Content-Type": "application/x-ndjson"},
					Status:  s.status, Has: []string{s.code, s.document.String()}, HasNot: []string{"SQLSTATE"}, Pure: true,
				})
			})
		}
	}
}
