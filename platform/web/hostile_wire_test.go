package web_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

// exchange sends bytes as they are and gives all that comes back until the server
// closes the connection, or has nothing more to say for a moment.
func (w *world) exchange(t *testing.T, request string) string {
	t.Helper()
	conn := w.dial(t)
	tcp, ok := conn.(*net.TCPConn)
	require.True(t, ok)
	_, _ = io.WriteString(conn, request) // refused before all was sent, perhaps
	_ = tcp.CloseWrite()
	answers, _ := io.ReadAll(conn) // a reset ends it too
	return string(answers)
}

// statuses are those of the answers in what came back.
func statuses(t *testing.T, answers string) []int {
	t.Helper()
	var found []int
	reader := bufio.NewReader(strings.NewReader(answers))
	for {
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return found
		}
		_, err = io.Copy(io.Discard, res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		found = append(found, res.StatusCode)
	}
}

// Two programs in a row that do not agree where a request ends let one client
// write into another's. Whatever can be read in two ways is refused, or read in
// the way that the standard says, and what it hides is never answered.
func TestWire_ARequestInsideOfAnotherIsNotAnswered(t *testing.T) {
	t.Parallel()
	var smuggled atomic.Int64
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		routes(api)
		web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/smuggled"},
			func(context.Context, *struct{}) (*textOutput, error) {
				smuggled.Add(1)
				return said("smuggled"), nil
			})
	})
	const inner = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
	head := func(lines ...string) string {
		return "POST /open HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	chunked := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(inner), inner)
	for name, request := range map[string]string{
		"a length and chunks, the chunks end first":      head("Content-Length: 200", "Transfer-Encoding: chunked") + "0\r\n\r\n",
		"a length and chunks, the request in the chunks": head("Content-Length: 4", "Transfer-Encoding: chunked") + chunked,
		"a length over the next request, and no chunks":  head("Content-Length: 43", "Transfer-Encoding: chunked") + "0\r\n\r\n" + inner,
		"chunks and a length":                            head("Transfer-Encoding: chunked", "Content-Length: 4") + chunked,
		"an encoding with a space before the colon":      head("Transfer-Encoding : chunked", "Content-Length: 4") + chunked,
		"an encoding behind a tab":                       head("Transfer-Encoding:\tchunked", "Content-Length: 4") + chunked,
		"an encoding of two":                             head("Transfer-Encoding: chunked, identity", "Content-Length: 4") + chunked,
		"two encodings":                                  head("Transfer-Encoding: identity", "Transfer-Encoding: chunked") + chunked,
		"an encoding that nobody knows":                  head("Transfer-Encoding: xchunked", "Content-Length: 4") + chunked,
		"an encoding in quotes":                          head(`Transfer-Encoding: "chunked"`, "Content-Length: 4") + chunked,
		"an encoding on a folded line":                   head("Transfer-Encoding:", " chunked", "Content-Length: 4") + chunked,
		"two lengths in one header":                      head("Content-Length: 4, 5") + inner,
		"a length with a sign":                           head("Content-Length: +4") + inner,
		"a length that is no number":                     head("Content-Length: 0x4") + inner,
		"a length beyond all":                            head("Content-Length: 18446744073709551617") + inner,
		"a chunk's length with a sign":                   head("Transfer-Encoding: chunked") + "+0\r\n\r\n" + inner,
		"a chunk's length beyond all":                    head("Transfer-Encoding: chunked") + "10000000000000000\r\n" + inner,
		"a chunk that ends with a bare line feed":        head("Transfer-Encoding: chunked") + "2\n{}\n0\n\n" + inner,
		"a chunk that is longer than it says":            head("Transfer-Encoding: chunked") + "1\r\n{}\r\n0\r\n\r\n" + inner,
		"two hosts":                                      "GET /public HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
		"a host with a path":                             "GET /public HTTP/1.1\r\nHost: x/y\r\n\r\n",
		"a NUL in a header":                              "GET /public HTTP/1.1\r\nHost: x\r\nX-A: a\x00b\r\n\r\n",
		"a bare carriage return":                         "GET /public HTTP/1.1\r\nHost: x\r\nX-A: a\rX-B: b\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			for i, status := range statuses(t, w.exchange(t, request)) {
				require.Zero(t, i, "one answer at the most")
				require.Contains(t, []int{http.StatusBadRequest, http.StatusNotImplemented, http.StatusRequestEntityTooLarge}, status)
			}
		})
	}
	require.Zero(t, smuggled.Load())
	require.Equal(t, []int{422, 200}, statuses(t, w.exchange(t, head("Content-Length: 2")+"[]"+inner)), "two requests in a row are two")
	require.EqualValues(t, 1, smuggled.Load())
}

func TestWire_OddRequestsGetAnAnswerThatIsNone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	for name, c := range map[string]struct {
		request string
		want    []int // one of them; none for a connection that is closed
	}{
		"HTTP/2 with prior knowledge":          {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00", []int{505, 400, 404, 405}},
		"an upgrade to HTTP/2":                 {"GET /public HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n", []int{200}},
		"HTTP/3 by its name":                   {"GET /public HTTP/3.0\r\nHost: x\r\n\r\n", []int{505}},
		"HTTP/0.9":                             {"GET /public\r\n\r\n", []int{400}},
		"HTTP/1.0":                             {"GET /public HTTP/1.0\r\n\r\n", []int{200}},
		"TLS":                                  {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 500), []int{400}},
		"TRACE":                                {"TRACE /public HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer s3cret\r\n\r\n", []int{405}},
		"CONNECT":                              {"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n", []int{404, 405}},
		"a method in small letters":            {"get /public HTTP/1.1\r\nHost: x\r\n\r\n", []int{405}},
		"a method of a thousand letters":       {strings.Repeat("G", 1000) + " /public HTTP/1.1\r\nHost: x\r\n\r\n", []int{405}},
		"a method with a bracket":              {"GE(T /public HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		"OPTIONS of everything":                {"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", []int{200, 204, 404}},
		"somebody else's address":              {"GET http://evil.example.com/public HTTP/1.1\r\nHost: x\r\n\r\n", []int{200}},
		"a path of two slashes and a host":     {"GET //evil.example.com/..%2f HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}},
		"a path without its slash":             {"GET public HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		"no path":                              {"GET  HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		"a path up and out":                    {"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}},
		"an address of a megabyte":             {"GET /" + strings.Repeat("a", 1<<20) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{431, 0}},
		"a long address":                       {"GET /" + strings.Repeat("%41", 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{404}},
		"a query of twenty thousand names":     {"GET /public?" + strings.Repeat("a&", 20_000) + " HTTP/1.1\r\nHost: x\r\n\r\n", []int{400}},
		"a hundred thousand headers":           {"GET /public HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a:b\r\n", 100_000) + "\r\n", []int{431, 0}},
		"as many headers as fit":               {"GET /public HTTP/1.1\r\nHost: x\r\n" + strings.Repeat("a:b\r\n", 13_000) + "\r\n", []int{200}},
		"as many names of headers as fit":      {"GET /public HTTP/1.1\r\nHost: x\r\n" + manyHeaders(6000) + "\r\n", []int{200}},
		"an expectation that nobody can meet":  {"POST /open HTTP/1.1\r\nHost: x\r\nExpect: the-impossible\r\nContent-Length: 2\r\n\r\n{}", []int{417}},
		"a range":                              {"GET /openapi.json HTTP/1.1\r\nHost: x\r\nRange: bytes=" + strings.Repeat("0-,", 10_000) + "\r\n\r\n", []int{200}},
		"a media type without end":             {"GET /public HTTP/1.1\r\nHost: x\r\nAccept: " + strings.Repeat("a/b;q=0.1,", 5000) + "\r\n\r\n", []int{200}},
		"a trailer that claims to be a header": {"POST /open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTrailer: Authorization\r\n\r\n2\r\n{}\r\n0\r\nAuthorization: Bearer alice\r\n\r\n", []int{422, 400}},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			answers := w.exchange(t, c.request)
			require.Less(t, time.Since(begun), 10*time.Second)
			require.NotContains(t, answers, "s3cret")
			status := 0
			if found := statuses(t, answers); len(found) > 0 {
				status = found[0]
			}
			require.Contains(t, c.want, status, answers[:min(len(answers), 300)])
			require.NotContains(t, strings.ToLower(answers), "\r\nlocation:")
		})
	}
}

func manyHeaders(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "x%x:1\r\n", i)
	}
	return b.String()
}

// What a client sends comes back as text, if at all, and never as a header.
func TestWire_NothingThatIsEchoedBecomesAHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{CORSOrigins: []string{"https://app.example.com"}}, nil, routes)
	const injected = "X-Injected"
	for name, request := range map[string]string{
		"in the path of nothing":  "GET /nowhere%0d%0aX-Injected:%201%0d%0a%0d%0a<script> HTTP/1.1\r\nHost: x\r\n\r\n",
		"in the path of a route":  "GET /names/%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: x\r\n\r\n",
		"in the query":            "GET /paged?page=%0d%0aX-Injected:%201 HTTP/1.1\r\nHost: x\r\n\r\n",
		"in the correlation id":   "GET /public HTTP/1.1\r\nHost: x\r\nX-Correlation-ID: 0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a\r\n X-Injected: 1\r\n\r\n",
		"in the origin":           "GET /public HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example.com\r\n X-Injected: 1\r\n\r\n",
		"in a preflight's method": "OPTIONS /public HTTP/1.1\r\nHost: x\r\nOrigin: https://app.example.com\r\nAccess-Control-Request-Method: GET\r\n X-Injected: 1\r\n\r\n",
		"in the method":           "GET%0d%0aX-Injected: /public HTTP/1.1\r\nHost: x\r\n\r\n",
		"in the host":             "GET /public HTTP/1.1\r\nHost: x%0d%0aX-Injected: 1\r\n\r\n",
		"in the token":            "GET /me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\n X-Injected: 1\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			answer := w.exchange(t, request)
			require.NotEmpty(t, answer)
			header, body, _ := strings.Cut(answer, "\r\n\r\n")
			require.NotContains(t, strings.ToLower(header), strings.ToLower(injected))
			require.NotContains(t, body, "\r")
			require.Len(t, statuses(t, answer), 1)
		})
	}
	a := w.do(t, scenario{path: "/public", header: map[string]string{"X-Correlation-ID": "0B9B2D3E-6c1f-4a51-9d0c-1f2e3d4c5b6a"}})
	require.Equal(t, "0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a", a.header.Get("X-Correlation-ID"))
	for _, id := range []string{strings.Repeat("a", 36), "{b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6}", "urn:uuid:0b9b2d3e-6c1f-4a51-9d0c-1f2", strings.Repeat("0", 32)} {
		require.NotEqual(t, id, w.do(t, scenario{path: "/public", header: map[string]string{"X-Correlation-ID": id}}).header.Get("X-Correlation-ID"))
	}
}

// endless is a body without an end.
type endless struct {
	block []byte
	read  atomic.Int64
}

func (e *endless) Read(p []byte) (int, error) {
	n := copy(p, e.block)
	e.read.Add(int64(n))
	return n, nil
}

func TestWire_ABodyThatNeverEndsIsRefusedAtItsLimit(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		routes(api)
		streamRoutes(nil)(api)
	})
	for path, contentType := range map[string]string{"/accounts": "application/json", "/bounded/a": "application/x-ndjson"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			body := &endless{block: bytes.Repeat([]byte(" "), 32<<10)}
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, body)
			require.NoError(t, err)
			r.Header.Set("Content-Type", contentType)
			res, err := w.client.Do(r)
			if err == nil {
				require.Equal(t, http.StatusRequestEntityTooLarge, res.StatusCode)
				require.NoError(t, res.Body.Close())
			} // else the connection was closed before the answer was read
			require.Less(t, body.read.Load(), int64(64<<20))
		})
	}
}

// A body that says that it is compressed is not read as if it were not, and is
// not unpacked either: a thousandfold of it might come out.
func TestWire_ACompressedBodyIsRefused(t *testing.T) {
	t.Parallel()
	var bomb bytes.Buffer
	zip := gzip.NewWriter(&bomb)
	_, err := zip.Write(append([]byte(`{"name":"`), bytes.Repeat([]byte("x"), 32<<20)...))
	require.NoError(t, err)
	require.NoError(t, zip.Close())
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		routes(api)
		streamRoutes(nil)(api)
	})
	for _, encoding := range []string{"gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "GZIP"} {
		for _, path := range []string{"/accounts", "/lines/a", "/parts/a"} {
			a := w.do(t, scenario{method: http.MethodPost, path: path, body: bomb.String(), header: map[string]string{"Content-Encoding": encoding, "Content-Type": "application/json"}})
			require.Equal(t, http.StatusUnsupportedMediaType, a.status, "%s %s", encoding, path)
			require.Equal(t, "content_encoding_not_supported", a.problem(t)["code"])
			require.Equal(t, "identity", a.header.Get("Accept-Encoding"))
		}
	}
	require.Equal(t, 201, w.do(t, scenario{method: http.MethodPost, path: "/accounts", body: `{"name":"alice","password":"hunter2hunter2"}`, header: map[string]string{"Content-Encoding": "identity"}}).status)
}

// Not parallel: it measures what the whole process takes.
func TestWire_HeadersOfTenMegabytesTakeNoMemory(t *testing.T) {
	const connections, size = 50, 10 << 20
	w := newWorld(t, web.Config{}, nil, nil)
	line := []byte("X-Large: " + strings.Repeat("x", 64<<10) + "\r\n")
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var group sync.WaitGroup
	for range connections {
		conn := w.dial(t)
		group.Go(func() {
			_, _ = io.WriteString(conn, "GET /health HTTP/1.1\r\nHost: x\r\n")
			for sent := 0; sent < size; sent += len(line) {
				if _, err := conn.Write(line); err != nil {
					break
				}
			}
			status := make([]byte, len("HTTP/1.1 431"))
			if _, err := io.ReadFull(conn, status); err == nil && string(status) != "HTTP/1.1 431" {
				t.Errorf("answered %q", status)
			}
		})
	}
	group.Wait()
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(connections*(1<<20)), "of %d MiB", connections*size>>20)
	require.Equal(t, 200, w.do(t, scenario{path: "/health"}).status)
}

// Five hundred connections that send a byte of their headers now and then, and as
// many that do so with a body, keep nobody from being served, and are given up.
func TestWire_SlowClientsKeepNobodyWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{HeaderTimeout: time.Second, BodyTimeout: time.Second}, nil, routes)
	beginnings := []string{
		"GET /public HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
	}
	var group sync.WaitGroup
	var closed atomic.Int64
	for i := range 1000 {
		conn := w.dial(t)
		group.Go(func() {
			_, _ = io.WriteString(conn, beginnings[i%2])
			gone := make(chan struct{})
			go func() {
				defer close(gone)
				_, _ = io.Copy(io.Discard, conn)
			}()
			again := time.NewTicker(100 * time.Millisecond)
			defer again.Stop()
			for {
				select {
				case <-gone:
					closed.Add(1)
					return
				case <-again.C:
					_, _ = io.WriteString(conn, " ")
				}
			}
		})
	}
	for range 20 {
		begun := time.Now()
		require.Equal(t, 200, w.do(t, scenario{path: "/public"}).status)
		require.Less(t, time.Since(begun), 5*time.Second)
	}
	group.Wait()
	require.EqualValues(t, 1000, closed.Load())
}
