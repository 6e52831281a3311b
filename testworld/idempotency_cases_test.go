package testworld_test

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/testworld"
)

const (
	headerKey      = "Idempotency-Key"
	headerReplayed = "Idempotent-Replayed"
	lines          = "application/x-ndjson"
)

// request is one that may have a key.
type request struct {
	path, contentType string
	// body is that of the number n: two numbers, two bodies.
	body func(n int) any
	// query is added to the path by who wants another request.
	query string
	// count counts what the number $1 has made.
	count string
	// again is what it is answered when it is carried out a second time.
	again testworld.Scenario
}

// requests are all that take a key, on a collection.
func requests(c collections.Collection) map[string]request {
	documents := "/api/v2/collections/" + c.ID.String() + "/documents"
	chunks := "/api/v2/chunking/collections/" + c.ID.String() + "/chunks"
	conflict := func(code string) testworld.Scenario {
		return testworld.Scenario{Status: http.StatusConflict, Has: []string{code}}
	}
	return map[string]request{
		"making a collection": {
			path: "/api/v2/collections", contentType: "application/json", query: "?x=y",
			body:  func(n int) any { return fmt.Sprintf(`{"name": "name %d"}`, n) },
			count: `select count(*) from collections where name = 'name ' || $1::bigint`, again: conflict("collection_name_taken"),
		},
		"registering a document": {
			path: documents, contentType: "application/json", query: "?x=y",
			body: func(n int) any {
				return fmt.Sprintf(`{"file_name": "registered %d", "file_size": 7, "content_hash": "%x"}`, n, sha256.Sum256(fmt.Append(nil, "registered", n)))
			},
			count: `select count(*) from documents where file_name = 'registered ' || $1::bigint`, again: conflict("document_duplicate"),
		},
		"uploading files": {
			path: documents, query: "?x=y",
			body: func(n int) any {
				return testworld.Form{Fields: map[string]string{"source_path": "here"}, Files: []testworld.File{
					{Path: fmt.Sprintf("a %d", n), Content: fmt.Sprintf("text a %d", n)}, {Path: fmt.Sprintf("b %d", n), Content: fmt.Sprintf("text b %d", n)},
				}}
			},
			count: `select count(*) / 2 from documents where file_name in ('a ' || $1::bigint, 'b ' || $1::bigint)`,
			again: testworld.Scenario{Status: http.StatusAccepted, Has: []string{`"outcome":"duplicate"`}, HasNot: []string{`"outcome":"created"`}},
		},
		"loading lines": {
			path: chunks, contentType: lines, query: "?on_conflict=error",
			body:  func(n int) any { return fmt.Sprintf(`{"chunk_index": %d, "content": "line %d"}`+"\n", n, n) },
			count: `select count(*) from chunks where content = 'line ' || $1::bigint`, again: conflict("chunk_exists"),
		},
		"loading an array": {
			path: chunks, contentType: "application/json", query: "?on_conflict=error",
			body: func(n int) any {
				return fmt.Sprintf(`{"chunks": [{"chunk_index": %d, "content": "element %d"}]}`, 1000+n, n)
			},
			count: `select count(*) from chunks where content = 'element ' || $1::bigint`, again: conflict("chunk_exists"),
		},
	}
}

// scenario is the request with the number n and a key; "" for none.
func (r request) scenario(token, key string, n int) testworld.Scenario {
	headers := map[string]string{}
	if r.contentType != "" {
		headers["Content-Type"] = r.contentType
	}
	if key != "" {
		headers[headerKey] = key
	}
	return testworld.Scenario{Token: token, Method: http.MethodPost, URL: r.path, Headers: headers, Body: r.body(n)}
}

// expect says what a scenario is answered.
func expect(s testworld.Scenario, status int, has ...string) testworld.Scenario {
	s.Status, s.Has = status, has
	return s
}

// insist sends a request again, as its answers ask for: after a 503, and while what
// was broken off is being given up.
func insist(t *testing.T, w *testworld.World, request func() testworld.Scenario) (a testworld.Answer) {
	t.Helper()
	w.Await("the request is answered", func() bool {
		a = w.Send(request())
		return a.Status != http.StatusServiceUnavailable && !strings.Contains(a.Body, "idempotency_key_in_progress")
	})
	return a
}

// requireCarriedOut means that this is not an answer that was kept.
func requireCarriedOut(t *testing.T, a testworld.Answer) {
	t.Helper()
	require.Less(t, a.Status, 300, a.Body)
	require.Empty(t, a.Header.Get(headerReplayed))
}

// requireReplayed means that this is the answer that was kept.
func requireReplayed(t *testing.T, want, have testworld.Answer) {
	t.Helper()
	require.Equal(t, want.Body, have.Body)
	require.Equal(t, want.Status, have.Status)
	require.Equal(t, "true", have.Header.Get(headerReplayed))
	w, h := maps.Clone(want.Header), maps.Clone(have.Header)
	for _, name := range []string{"Date", "X-Correlation-Id", headerReplayed} {
		w.Del(name)
		h.Del(name)
	}
	require.Equal(t, w, h)
}

// each runs a test for each request, as the first user of a world.
func each(t *testing.T, w *testworld.World, test func(t *testing.T, w *testworld.World, r request, token string)) {
	t.Helper()
	c := w.Collection(w.Root)
	token := "Bearer " + w.Token(w.Root)
	for name, r := range requests(c) {
		t.Run(name, func(t *testing.T) { test(t, w.In(t), r, token) })
	}
}
