package app_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/app/load"
)

// manyLines is more than one part has.
const manyLines = 50_000

// chunkLines are chunks without a document.
func chunkLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{"chunk_index": %d, "content": "chunk %d"}`+"\n", i, i)
	}
	return b.String()
}

func written(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}

// loadTarget is a server with an empty collection, and a proxy before it, through which
// a key may write.
type loadTarget struct {
	environ []string
	proxied []string
	url     string
	// meet is asked about each load that passes the proxy, counted from 1.
	meet atomic.Pointer[func(n int64, w http.ResponseWriter, r *http.Request, pass func())]
	n    atomic.Int64
}

func newLoadTarget(t *testing.T) *loadTarget {
	t.Helper()
	environ, server := newServer(t)
	target := &loadTarget{environ: environ, url: server}
	r := runs{t, environ}
	r.ok("collections", "create", "chunks")
	key := strings.TrimSpace(r.ok("keys", "create", "loader").stdout)
	to, err := url.Parse(server)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pass := func() { proxy.ServeHTTP(w, r) }
		meet := target.meet.Load()
		if meet == nil || !strings.HasSuffix(r.URL.Path, "/chunks") || r.Method != http.MethodPost {
			pass()
			return
		}
		(*meet)(target.n.Add(1), w, r, pass)
	}))
	t.Cleanup(front.Close)
	target.proxied = append(home(t), "SEMANTIK_API_KEY="+key, "SEMANTIK_SERVER="+front.URL)
	return target
}

// on has each load that passes the proxy met by fn.
func (l *loadTarget) on(fn func(n int64, w http.ResponseWriter, r *http.Request, pass func())) {
	l.n.Store(0)
	l.meet.Store(&fn)
}

// holds counts the chunks, by asking for them page by page at the end.
func (l *loadTarget) holds(t *testing.T) int {
	t.Helper()
	key := ""
	for _, variable := range l.proxied {
		if value, is := strings.CutPrefix(variable, "SEMANTIK_API_KEY="); is {
			key = value
		}
	}
	c := &client{t: t, url: l.url, token: key}
	list := c.do(http.MethodGet, "/api/v2/collections", "", nil, 200)
	collections, ok := list["collections"].([]any)
	require.True(t, ok)
	for _, one := range collections {
		found, ok := one.(map[string]any)
		require.True(t, ok)
		if found["name"] == "chunks" {
			page := c.do(http.MethodGet, fmt.Sprintf("/api/v2/chunking/collections/%s/chunks?page_size=1", found["id"]), "", nil, 200)
			total, ok := page["total"].(float64)
			require.True(t, ok)
			return int(total)
		}
	}
	return -1
}

func TestLoadCommand_FilesAndStreams(t *testing.T) {
	t.Parallel()
	l := newLoadTarget(t)
	lines := chunkLines(manyLines)
	var zipped, packed bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write([]byte(lines))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	zst, err := zstd.NewWriter(&packed)
	require.NoError(t, err)
	_, err = zst.Write([]byte(lines))
	require.NoError(t, err)
	require.NoError(t, zst.Close())

	first := command(t, l.environ, "", "load", written(t, "a.ndjson", []byte(strings.TrimSuffix(lines, "\n"))), "-c", "chunks", "--json")
	require.Equal(t, 0, first.code, first.stderr)
	report := decode[load.Report](t, first)
	require.Equal(t, load.Counts{Inserted: manyLines}, report.Counts)
	require.Equal(t, 3, report.Parts)
	require.Equal(t, manyLines, report.Lines)
	require.Equal(t, manyLines, l.holds(t))
	for name, content := range map[string][]byte{"b.gz": zipped.Bytes(), "c.zst": packed.Bytes(), "d": zipped.Bytes()} {
		again := command(t, l.environ, "", "load", written(t, name, content), "-c", "chunks", "--on-conflict", "skip")
		require.Equal(t, 0, again.code, again.stderr)
		require.Contains(t, again.stdout, "50,000 there already")
	}
	stream := command(t, l.environ, `{"chunk_index": 1, "content": "another"}`+"\n\n"+`{"chunk_index": 90000, "content": "new"}`, "load", "-", "-c", "chunks", "--on-conflict", "replace")
	require.Equal(t, 0, stream.code, stream.stderr)
	require.Contains(t, stream.stdout, "1 new, 1 replaced")
	empty := command(t, l.environ, "", "load", written(t, "empty", nil), "-c", "chunks")
	require.Equal(t, 0, empty.code, empty.stderr)
	require.Contains(t, empty.stdout, "nothing loaded")
	require.Equal(t, manyLines+1, l.holds(t))
}

func TestLoadCommand_WhatIsWrongIsNamed(t *testing.T) {
	t.Parallel()
	l := newLoadTarget(t)
	lines := strings.Split(chunkLines(manyLines), "\n")
	lines[30_001] = `{"chunk_index": 30001, "content": ""}`
	bad := written(t, "bad.ndjson", []byte(strings.Join(lines, "\n")))
	done := command(t, l.environ, "", "load", bad, "-c", "chunks", "--streams", "1")
	require.Equal(t, 1, done.code)
	require.Contains(t, done.stderr, "Line 30002: content must not be empty")
	require.NotContains(t, done.stderr, "Nothing was")
	require.Contains(t, done.stderr, "--on-conflict skip")
	require.Equal(t, 20_000, l.holds(t), "the part before it")

	good := written(t, "good.ndjson", []byte(chunkLines(manyLines)))
	done = command(t, l.environ, "", "load", good, "-c", "chunks", "--streams", "1")
	require.Equal(t, 1, done.code)
	require.Contains(t, done.stderr, "index 0 without a document already")
	require.Contains(t, done.stderr, "--on-conflict skip")
	done = command(t, l.environ, "", "load", good, "-c", "chunks", "--on-conflict", "skip")
	require.Equal(t, 0, done.code, done.stderr)
	require.Equal(t, manyLines, l.holds(t))

	var zipped bytes.Buffer
	zip := gzip.NewWriter(&zipped)
	_, err := zip.Write([]byte(chunkLines(1000)))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	for name, wrong := range map[string]struct {
		args   []string
		code   int
		reason string
	}{
		"a file that is not there":     {[]string{filepath.Join(t.TempDir(), "nothing"), "-c", "chunks"}, 1, "nothing"},
		"a folder":                     {[]string{t.TempDir(), "-c", "chunks"}, 1, "semantik ingest"},
		"a collection that is not":     {[]string{good, "-c", "nothing"}, 1, "no collection"},
		"no collection":                {[]string{good}, 2, "--collection"},
		"a way that is none":           {[]string{good, "-c", "chunks", "--on-conflict", "ignore"}, 2, "error, skip, replace"},
		"streams without number":       {[]string{good, "-c", "chunks", "--streams", "0"}, 2, "1 to 16"},
		"a file that was cut off":      {[]string{written(t, "cut.gz", zipped.Bytes()[:zipped.Len()-20]), "-c", "chunks", "--on-conflict", "skip"}, 1, "damaged"},
		"a file that is no gzip":       {[]string{written(t, "no.gz", []byte("\x1f\x8bnothing of it")), "-c", "chunks"}, 1, "gzip"},
		"a line that is no chunk's":    {[]string{written(t, "text", []byte("a text\n")), "-c", "chunks"}, 1, "Line 1: it is not valid JSON"},
		"a line that is no chunk's, 2": {[]string{written(t, "long", bytes.Repeat([]byte("x"), 17<<20)), "-c", "chunks"}, 1, "line 1 is longer than 16 MiB"},
	} {
		t.Run(name, func(t *testing.T) {
			done := command(t, l.environ, "", append([]string{"load"}, wrong.args...)...)
			require.Equal(t, wrong.code, done.code, done.stderr)
			require.Contains(t, done.stderr, wrong.reason)
		})
	}
	require.Equal(t, manyLines, l.holds(t))
}

// The server has stored a part, and its answer is lost: the client cannot know, sends it
// again, and it is there once.
func TestLoadCommand_AnAnswerThatIsLost(t *testing.T) {
	t.Parallel()
	l := newLoadTarget(t)
	l.on(func(n int64, w http.ResponseWriter, _ *http.Request, pass func()) {
		switch n {
		case 2: // refused for now
			w.Header().Set("Content-Type", "application/problem+json")
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = w.Write([]byte(`{"status": 503, "code": "too_many_at_once", "detail": "Later."}`))
		case 3:
			pass()
			panic(http.ErrAbortHandler)
		default:
			pass()
		}
	})
	done := command(t, l.proxied, "", "load", written(t, "a", []byte(chunkLines(manyLines))), "-c", "chunks", "--json")
	require.Equal(t, 0, done.code, done.stderr)
	require.Equal(t, manyLines, l.holds(t))
	report := decode[load.Report](t, done)
	require.EqualValues(t, manyLines, report.Chunks())
}

// Broken off, whatever was on its way, the load goes on where it was and doubles nothing.
func TestLoadCommand_GoesOnAfterItWasBrokenOff(t *testing.T) {
	t.Parallel()
	for name, whenBroken := range map[string]func(pass func()){
		"before the part arrived": func(func()) {},
		"after it was stored":     func(pass func()) { pass() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLoadTarget(t)
			file := written(t, "a", []byte(chunkLines(2*manyLines)))
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			l.on(func(n int64, _ http.ResponseWriter, _ *http.Request, pass func()) {
				if n == 3 {
					whenBroken(pass)
					cancel()
					panic(http.ErrAbortHandler)
				}
				pass()
			})
			var stdout, stderr buffer
			code := app.Shell{Stdout: &stdout, Stderr: &stderr, Environ: l.proxied}.Run(ctx, "load", file, "-c", "chunks", "--streams", "2")
			require.Equal(t, 130, code, stderr.String())
			require.Contains(t, stderr.String(), "run it again")
			l.on(func(_ int64, _ http.ResponseWriter, _ *http.Request, pass func()) { pass() })
			done := command(t, l.proxied, "", "load", file, "-c", "chunks", "--json")
			require.Equal(t, 0, done.code, done.stderr)
			report := decode[load.Report](t, done)
			require.Positive(t, report.Resumed)
			require.Less(t, report.Resumed, report.Parts)
			require.EqualValues(t, 2*manyLines, report.Chunks())
			require.Equal(t, 2*manyLines, l.holds(t))
			require.Empty(t, records(t, l.proxied), "nothing is left to go on with")
		})
	}
}

// records lists what is noted of loads.
func records(t *testing.T, environ []string) []string {
	t.Helper()
	var found []string
	for _, variable := range environ {
		for _, name := range []string{"HOME", "XDG_CONFIG_HOME"} {
			if dir, is := strings.CutPrefix(variable, name+"="); is {
				more, err := filepath.Glob(filepath.Join(dir, "*", "*", "loads", "*"))
				require.NoError(t, err)
				other, err := filepath.Glob(filepath.Join(dir, "*", "loads", "*"))
				require.NoError(t, err)
				found = append(append(found, more...), other...)
			}
		}
	}
	return found
}
