package chunks_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

func TestVectors_AreNamed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, other := w.Collection(w.Root), w.Collection(w.Root)
	load(t, w, c.ID, numbered(nil, 2500, sentence))
	load(t, w, other.ID, numbered(nil, 1, sentence))
	first := w.Int(`select min(id) from chunks where collection_id = $1`, c.ID)
	theirs := w.Int(`select id from chunks where collection_id = $1`, other.ID)
	path, json := loadPath(c)+"/embeddings", map[string]string{"Content-Type": "application/json"}
	lines := map[string]string{"Content-Type": "application/x-ndjson"}

	var body strings.Builder
	body.WriteString("\ufeff")
	for i := range int64(2500) {
		fmt.Fprintf(&body, `{"chunk_id": %d, "vector_id": "v-%d"}`+"\r\n\n", first+i, i)
	}
	fmt.Fprintf(&body, `{"vector_id": "the last counts", "chunk_id": %d}`, first)
	a := patch(w, path, body.String(), lines)
	require.Equal(t, 200, a.Status, a.Body)
	require.JSONEq(t, `{"updated": 2500, "missing": 0, "missing_ids": []}`, a.Body)
	require.EqualValues(t, 2499, w.Int(`select count(*) from chunks where embedding_vector_id = 'v-' || chunk_index`))
	require.EqualValues(t, 1, w.Int(`select count(*) from chunks where embedding_vector_id = 'the last counts'`))

	a = patch(w, path, fmt.Sprintf(`{"updates": [{"chunk_id": %d, "vector_id": null}, {"chunk_id": %d, "vector_id": "x"}, {"chunk_id": %d, "vector_id": "x"}]}`, first, theirs, int64(1)<<62), json)
	require.Equal(t, 200, a.Status, a.Body)
	require.JSONEq(t, fmt.Sprintf(`{"updated": 1, "missing": 2, "missing_ids": [%d, %d]}`, theirs, int64(1)<<62), a.Body)
	require.EqualValues(t, 1, w.Int(`select count(*) from chunks where collection_id = $1 and embedding_vector_id is null`, c.ID))
	require.Zero(t, w.Int(`select count(*) from chunks where collection_id = $1 and embedding_vector_id is not null`, other.ID), "another collection's is not there")

	var zip bytes.Buffer
	zipped := gzip.NewWriter(&zip)
	_, _ = fmt.Fprintf(zipped, `{"chunk_id": %d, "vector_id": "packed"}`, first)
	require.NoError(t, zipped.Close())
	a = patch(w, path, &zip, map[string]string{"Content-Type": "application/x-ndjson", "Content-Encoding": "gzip"})
	require.JSONEq(t, `{"updated": 1, "missing": 0, "missing_ids": []}`, a.Body)
	require.Equal(t, int64(3), w.Int(`select count(*) from audit_log where action = 'chunk.embed'`))
	w.HTTP(t,
		testworld.Scenario{Name: "no line", As: &w.Root, Method: http.MethodPatch, URL: path, Body: "", Headers: lines, Status: 200, Has: []string{`"updated":0`}, Pure: true},
		testworld.Scenario{Name: "only what is not there", As: &w.Root, Method: http.MethodPatch, URL: path, Body: `{"chunk_id": 4611686018427387904, "vector_id": "x"}`, Headers: lines, Status: 200, Has: []string{`"missing":1`}, Pure: true},
	)
}

func TestVectors_BadInputChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	load(t, w, c.ID, numbered(nil, 1, sentence))
	id := w.Int(`select id from chunks`)
	good := fmt.Sprintf(`{"chunk_id": %d, "vector_id": "x"}`, id)
	path := loadPath(c) + "/embeddings"
	bad := func(name, kind, body string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPatch, URL: path, Body: body, Headers: map[string]string{"Content-Type": kind}, Status: status, Has: has, HasNot: []string{"SQLSTATE", ".go"}, Pure: true}
	}
	line := func(name, body string, status int, has ...string) testworld.Scenario {
		return bad(name, "application/x-ndjson", good+"\n"+body, status, append(has, `"line":2`)...)
	}
	array := func(name, body string, status int, has ...string) testworld.Scenario {
		return bad("an array, "+name, "application/json", body, status, has...)
	}
	w.HTTP(t,
		line("no id", `{"vector_id": "x"}`, 422, "line 2.chunk_id", "is missing"),
		line("no vector", `{"chunk_id": 1}`, 422, "line 2.vector_id", "is missing"),
		line("an id below 1", `{"chunk_id": 0, "vector_id": "x"}`, 422, "line 2.chunk_id"),
		line("an id that is no number", `{"chunk_id": "1", "vector_id": "x"}`, 422, "line 2.chunk_id", "whole number"),
		line("an id that is too large", `{"chunk_id": 9223372036854775808, "vector_id": "x"}`, 422, "line 2.chunk_id"),
		line("a vector that is empty", `{"chunk_id": 1, "vector_id": ""}`, 422, "line 2.vector_id"),
		line("a vector that is a number", `{"chunk_id": 1, "vector_id": 7}`, 422, "line 2.vector_id"),
		line("a vector that is too long", `{"chunk_id": 1, "vector_id": "`+strings.Repeat("é", 256)+`"}`, 422, "line 2.vector_id", "255"),
		line("a vector with a NUL", `{"chunk_id": 1, "vector_id": "a\u0000"}`, 422, "line 2.vector_id", "NUL"),
		line("half a surrogate pair", `{"chunk_id": 1, "vector_id": "\ud800"}`, 422),
		line("a member twice", `{"chunk_id": 1, "chunk_id": 2, "vector_id": "a"}`, 422, "twice"),
		line("another member", `{"chunk_id": 1, "vector_id": "a", "vector": [1, 2]}`, 422, "vector"),
		line("no object", `[1]`, 422),
		line("no JSON", `{"chunk_id": 1,`, 422),
		line("a line that is too long", `{"chunk_id": 1, "vector_id": "`+strings.Repeat("x", 10_000)+`"}`, 413),
		line("bytes that are no UTF-8", "{\"chunk_id\": 1, \"vector_id\": \"\xff\"}", 422),
		bad("too many lines", "application/x-ndjson", strings.Repeat(good+"\n", chunks.MaxVectors+1), 413, "too_many_vectors", "100000"),
		bad("another type", "text/plain", good, 415, "application/x-ndjson"),
		array("one that is bad", `{"updates": [`+good+`, {"chunk_id": 1}]}`, 422, "body.updates[1].vector_id", `"index":1`),
		array("too many", `{"updates": [`+strings.TrimSuffix(strings.Repeat(good+",", 10_001), ",")+`]}`, 413, "too_many_vectors", "10000"),
		array("not there", `{}`, 400, "updates"),
		array("of another name", `{"chunks": []}`, 400, "updates"),
		array("null", `null`, 400, "updates"),
		array("cut off", `{"updates": [`+good, 400),
	)
}

func TestVectors_AClientThatTakesTooLongIsCutOff(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("BULK_LOAD_TIMEOUT=1"))
	c := w.Collection(w.Root)
	interrupted := make(chan struct{})
	_, err := w.Chunks.NameVectors(w.As(w.Root), c.ID, func() { close(interrupted) }, func() ([]chunks.Vector, error) {
		<-interrupted
		return nil, errors.New("the read was interrupted")
	})
	require.ErrorIs(t, err, chunks.ErrLoadTimeout)
}

func TestVectors_OfManyAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	load(t, w, c.ID, numbered(nil, 3000, sentence))
	first := w.Int(`select min(id) from chunks`)
	for _, err := range w.Race(4, func(i int) error {
		name := strconv.Itoa(i)
		named, err := w.Chunks.NameVectors(w.As(w.Root), c.ID, func() {}, func() ([]chunks.Vector, error) {
			list := make([]chunks.Vector, 3000)
			for n := range list { // each in an order of its own
				list[n] = chunks.Vector{ChunkID: first + int64((n*[]int{1, 7, 11, 13}[i]+i*700)%3000), Name: &name}
			}
			return list, nil
		})
		if err == nil && named.Updated != 3000 {
			err = fmt.Errorf("%+v", named)
		}
		return err
	}) {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.Int(`select count(distinct embedding_vector_id) from chunks`), "the last one's, all of them")
}
