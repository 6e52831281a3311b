package documents_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// sliced is a content of so many whole slices and three bytes, no two slices of which
// are the same.
func sliced(n int) string {
	var b strings.Builder
	for i := range n * documents.SliceBytes / 8 {
		fmt.Fprintf(&b, "%07d\n", i)
	}
	return b.String() + "end"
}

func contentPath(c collections.Collection, id uuid.UUID) string {
	return "/api/v2/collections/" + c.ID.String() + "/documents/" + id.String() + "/content"
}

// stored uploads one file and gives its document.
func stored(w *testworld.World, c collections.Collection, path, content string) documents.Document {
	results, _ := w.Upload(w.Root, c, testworld.File{Path: path, Content: content})
	return results[0].Document
}

func TestContent_IsTheFileByteForByte(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	for name, content := range map[string]string{
		"empty.txt": "", "one.txt": "1", "slice.bin": sliced(1)[:documents.SliceBytes], "more.bin": sliced(3), "bytes.bin": "\x00\xff\x80\r\n\x1a",
	} {
		d := stored(w, c, "folder/"+name, content)
		a := w.Request(testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodGet, URL: contentPath(c, d.ID), Status: 200, Pure: true})
		require.Equal(t, hashOf(content), hashOf(a.Body), name)
		require.Equal(t, strconv.Itoa(len(content)), a.Header.Get("Content-Length"))
		require.Equal(t, `"`+d.ContentHash+`"`, a.Header.Get("ETag"))
		require.Equal(t, "private, max-age=3600", a.Header.Get("Cache-Control"))
		require.Contains(t, a.Header.Get("Content-Disposition"), `inline; filename="`+name+`"`)
		require.Contains(t, a.Header.Get("Content-Security-Policy"), "sandbox")
		a = w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: contentPath(c, d.ID), Headers: map[string]string{"If-None-Match": `"` + d.ContentHash + `"`}, Status: 304})
		require.Empty(t, a.Body)
		a = w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodHead, URL: contentPath(c, d.ID), Status: 200})
		require.Equal(t, strconv.Itoa(len(content)), a.Header.Get("Content-Length"))
	}
	page := stored(w, c, "page.html", "<!doctype html><script>alert(1)</script>")
	a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: contentPath(c, page.ID), Status: 200})
	require.Equal(t, "text/html", a.Header.Get("Content-Type"))
	require.Contains(t, a.Header.Get("Content-Disposition"), "attachment;")
}

func TestContent_ARangeReadsItsSlicesOnly(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	content := sliced(5)
	d := stored(w, c, "a.txt", content)
	token := "Bearer " + w.Token(w.Root)
	const slice = documents.SliceBytes
	for _, r := range []struct{ first, last, slices int }{
		{0, 0, 1}, {slice - 1, slice, 2}, {slice, 2*slice - 1, 1}, {2*slice + 7, 4 * slice, 3}, {5 * slice, 5*slice + 2, 1}, {0, len(content) - 1, 6},
	} {
		s := testworld.Scenario{Token: token, Method: http.MethodGet, URL: contentPath(c, d.ID), Status: 206, Headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-%d", r.first, r.last)}}
		var a testworld.Answer
		read := 0
		for _, statement := range w.Trace.Record(func() { a = w.Request(s) }) {
			require.NotContains(t, strings.ToLower(statement.SQL), "begin", "no transaction is held while a client reads")
			if strings.Contains(statement.SQL, "c.slice = ") {
				read++
			}
		}
		require.Equal(t, r.slices, read, "%+v", r)
		require.Equal(t, hashOf(content[r.first:r.last+1]), hashOf(a.Body), "%+v", r)
		require.Equal(t, fmt.Sprintf("bytes %d-%d/%d", r.first, r.last, len(content)), a.Header.Get("Content-Range"))
	}
	beyond := testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: contentPath(c, d.ID), Headers: map[string]string{"Range": fmt.Sprintf("bytes=%d-", len(content))}, Status: 416, Has: []string{"range_not_satisfiable"}}
	w.Request(beyond)
}

func TestContent_WhatIsNotThereIsSaidSo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c, alice := w.Collection(w.Root), w.User("alice")
	ctx := w.As(w.Root)
	register := func(name, hash string, size int64) documents.Document {
		d, err := w.Documents.Register(ctx, c.ID, documents.Registration{FileName: name, FileSize: size, ContentHash: hash})
		require.NoError(t, err)
		return d
	}
	elsewhere, nothing, odd := register("a.pdf", hashOf("x"), 1), register("empty", hashOf(""), 0), register("odd", hashOf("y"), 0)
	other := w.Collection(w.Root)
	full, err := w.Documents.Register(ctx, other.ID, documents.Registration{FileName: "full", FileSize: 100, ContentHash: hashOf("")})
	require.NoError(t, err)
	gone := stored(w, c, "gone.txt", "gone")
	require.NoError(t, documents.NewRepository(w.DB).Delete(ctx, w.Scope(c.ID), gone.ID))
	w.Exec(`update collections set document_count = 3, total_size_bytes = 1 where id = $1`, c.ID)
	w.Exec(`update collection_sources set document_count = 0, size_bytes = 0 where collection_id = $1`, c.ID)
	w.HTTP(t,
		testworld.Scenario{Name: "registered, and kept elsewhere", As: &w.Root, Method: http.MethodGet, URL: contentPath(c, elsewhere.ID), Status: 404, Has: []string{"document_without_content", "kept elsewhere"}, Pure: true},
		testworld.Scenario{Name: "registered as empty by mistake", As: &w.Root, Method: http.MethodGet, URL: contentPath(c, odd.ID), Status: 404, Has: []string{"document_without_content"}, Pure: true},
		testworld.Scenario{Name: "registered with the hash of nothing and a size", As: &w.Root, Method: http.MethodGet, URL: contentPath(other, full.ID), Status: 404, Has: []string{"document_without_content"}, Pure: true},
		testworld.Scenario{Name: "registered, and known to be empty", As: &w.Root, Method: http.MethodGet, URL: contentPath(c, nothing.ID), Status: 200, Pure: true},
		testworld.Scenario{Name: "deleted", As: &w.Root, Method: http.MethodGet, URL: contentPath(c, gone.ID), Status: 404, Has: []string{"document_not_found"}, HasNot: []string{"gone"}},
		testworld.Scenario{Name: "a stranger's look", As: &alice, Method: http.MethodGet, URL: contentPath(c, elsewhere.ID), Status: 404, Has: []string{"collection_not_found"}},
		testworld.Scenario{Name: "what the client has, without the right", As: &alice, Method: http.MethodGet, URL: contentPath(c, elsewhere.ID), Headers: map[string]string{"If-None-Match": "*"}, Status: 404},
		testworld.Scenario{Name: "no id", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/collections/" + c.ID.String() + "/documents/failed/content", Status: 422},
	)
}

// A client that reads slowly sees one content or an error, never the beginning of one
// and the end of another, and nothing that it has lost the right to.
func TestContent_WhatChangesMeanwhileBreaksItOff(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(w *testworld.World, c collections.Collection, d documents.Document){
		"another content of the same length": func(w *testworld.World, c collections.Collection, d documents.Document) {
			results, _ := w.Upload(w.Root, c, testworld.File{Path: d.FilePath, Content: strings.ReplaceAll(sliced(3), "0", "x")})
			require.Equal(t, documents.Replaced, results[0].Outcome)
		},
		"the document is deleted": func(w *testworld.World, _ collections.Collection, d documents.Document) {
			w.Exec(`update documents set status = 'deleted', deleted_at = now() where id = $1`, d.ID)
			w.Exec(`update collections set document_count = 0, total_size_bytes = 0`)
			w.Exec(`update collection_sources set document_count = 0, size_bytes = 0`)
		},
		"the share is taken back": func(w *testworld.World, _ collections.Collection, _ documents.Document) {
			w.Exec(`delete from collection_permissions`)
		},
		"the account is closed": func(w *testworld.World, _ collections.Collection, _ documents.Document) {
			w.Exec(`update users set is_active = false where username = 'alice'`)
		},
		"the collection is deleted": func(w *testworld.World, c collections.Collection, _ documents.Document) { w.Delete(c) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			c, alice := w.Collection(w.Root), w.User("alice")
			w.Grant(c, alice, collections.Read)
			d := stored(w, c, "a.txt", sliced(3))
			token := w.Token(alice)
			first := w.Trace.PauseAt("c.slice = ")
			connection, err := net.Dial("tcp", w.Address())
			require.NoError(t, err)
			defer func() { _ = connection.Close() }()
			_, err = fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", contentPath(c, d.ID), token)
			require.NoError(t, err)
			<-first.Reached()
			// The second slice begins with the right to it.
			second := w.Trace.PauseAt("c.slice = ")
			first.Resume()
			<-second.Reached()
			change(w, c, d)
			second.Resume()
			answer, err := http.ReadResponse(bufio.NewReader(connection), nil)
			require.NoError(t, err)
			defer func() { _ = answer.Body.Close() }()
			require.Equal(t, http.StatusOK, answer.StatusCode)
			got, err := io.ReadAll(answer.Body)
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			require.Less(t, len(got), 3*documents.SliceBytes)
			require.True(t, strings.HasPrefix(sliced(3), string(got)), "what came is of the one content")
		})
	}
}

func TestContent_TheReaderOfAContentThatWasReplacedGetsAnError(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := stored(w, c, "a.txt", sliced(2))
	content, err := w.Documents.OpenContent(w.As(w.Root), c.ID, d.ID)
	require.NoError(t, err)
	require.Equal(t, d.ID, content.Document().ID)
	buffer := make([]byte, documents.SliceBytes)
	n, err := io.ReadFull(content, buffer)
	require.NoError(t, err)
	require.Equal(t, documents.SliceBytes, n)
	stored(w, c, "a.txt", "another")
	n, err = content.Read(buffer)
	require.Zero(t, n)
	require.ErrorIs(t, err, documents.ErrContentChanged)
	_, err = content.Seek(-1, io.SeekStart)
	require.Error(t, err)
	_, err = content.Seek(0, io.SeekEnd)
	require.NoError(t, err)
	_, err = content.Read(buffer)
	require.ErrorIs(t, err, io.EOF)
	// What a content has too little of, by whatever fault, is no end of it.
	w.Exec(`update document_contents set data = 'x' where document_id = $1`, d.ID)
	content, err = w.Documents.OpenContent(w.As(w.Root), c.ID, d.ID)
	require.NoError(t, err)
	_, err = io.ReadAll(content)
	require.ErrorContains(t, err, "has 1 bytes in place of 7")
	require.Equal(t, apperr.Internal, apperr.From(err).Kind)
	w.Exec(`update document_contents set data = 'another' where document_id = $1`, d.ID)
}

func TestFailedCount_ByCategory(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	url := "/api/v2/collections/" + c.ID.String() + "/documents/failed/count"
	w.HTTP(t, testworld.Scenario{Name: "nothing", As: &w.Root, Method: http.MethodGet, URL: url, Status: 200, Has: []string{`{"transient":0,"permanent":0,"unknown":0,"total":0}`}, Pure: true})
	rows, scope := documents.NewRepository(w.DB), w.Scope(c.ID)
	for i, category := range []string{"'transient'", "'transient'", "'permanent'", "'permanent'", "'permanent'", "'unknown'", "null"} {
		d := row(strconv.Itoa(i), strconv.Itoa(i))
		require.NoError(t, rows.Create(t.Context(), scope, &d))
		w.Exec(`update documents set status = 'failed', error_category = `+category+` where id = $1`, d.ID)
	}
	completed := row("7", "7")
	require.NoError(t, rows.Create(t.Context(), scope, &completed))
	count(w, c.ID)
	w.HTTP(t,
		testworld.Scenario{Name: "all", As: &w.Root, Method: http.MethodGet, URL: url, Status: 200, Has: []string{`{"transient":2,"permanent":3,"unknown":2,"total":7}`}},
		testworld.Scenario{Name: "said so", As: &w.Root, Method: http.MethodGet, URL: url + "?retryable_only=false", Status: 200, Has: []string{`"total":7`}},
		testworld.Scenario{Name: "what can be tried again", As: &w.Root, Method: http.MethodGet, URL: url + "?retryable_only=true", Status: 200, Has: []string{`{"transient":2,"permanent":0,"unknown":2,"total":4}`}},
		testworld.Scenario{Name: "neither yes nor no", As: &w.Root, Method: http.MethodGet, URL: url + "?retryable_only=perhaps", Status: 422},
	)
}
