package web_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

// dial opens a bare connection, on which a test can do what no HTTP library
// would.
func (w *world) dial(t *testing.T) net.Conn {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", w.addr)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func send(t *testing.T, conn net.Conn, format string, args ...any) {
	t.Helper()
	_, err := fmt.Fprintf(conn, format, args...)
	require.NoError(t, err)
}

func receive(t *testing.T, conn net.Conn) answer {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return answer{status: res.StatusCode, header: res.Header, body: string(data)}
}

func TestServer_aBodyThatTricklesInIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{BodyTimeout: 200 * time.Millisecond, StreamIdleTimeout: 100 * time.Millisecond}, nil, routes)

	t.Run("byte by byte", func(t *testing.T) {
		t.Parallel()
		conn := w.dial(t)
		send(t, conn, "POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		stop := make(chan struct{})
		writing := make(chan struct{})
		go func() {
			defer close(writing)
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for {
				select {
				case <-stop:
					return
				case <-ticker.C:
					if _, err := conn.Write([]byte(" ")); err != nil {
						return
					}
				}
			}
		}()
		a := receive(t, conn)
		close(stop)
		<-writing
		require.Equal(t, http.StatusRequestTimeout, a.status)
		require.Equal(t, "body_timeout", a.problem(t)["code"])
		requireStandard(t, a)
	})
	t.Run("not at all", func(t *testing.T) {
		t.Parallel()
		conn := w.dial(t)
		send(t, conn, "POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
		a := receive(t, conn)
		require.Equal(t, http.StatusRequestTimeout, a.status)
		require.Contains(t, a.problem(t)["detail"], "No byte of the request's body arrived for 100ms")
	})
}

func TestServer_headersThatTrickleInAreGivenUp(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{HeaderTimeout: 100 * time.Millisecond}, nil, nil)
	conn := w.dial(t)
	send(t, conn, "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
	_, err := io.ReadAll(conn)
	require.NoError(t, err, "the server closes the connection")
}

// A client that is refused before its body was read, and does not send it either,
// must get its answer and must not hold the connection.
func TestServer_theRestOfARefusedBodyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/secured", Security: web.Bearer()},
			func(context.Context, *openInput) (*textOutput, error) { return said(""), nil })
	})
	conn := w.dial(t)
	send(t, conn, "POST /secured HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
	start := time.Now()
	a := receive(t, conn)
	require.Equal(t, http.StatusUnauthorized, a.status)
	require.Less(t, time.Since(start), 10*time.Second)
	_, err := io.ReadAll(conn)
	require.NoError(t, err, "what would come next cannot be told from the body")
}

func TestServer_aBodyThatIsTooLargeIsNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	conn := w.dial(t)
	send(t, conn, "POST /accounts HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 999999999999\r\nExpect: 100-continue\r\n\r\n")
	require.Equal(t, http.StatusRequestEntityTooLarge, receive(t, conn).status, "at once, without 100 Continue")
	_, err := io.ReadAll(conn)
	require.NoError(t, err, "the connection is closed")
}

func TestServer_hugeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, nil)
	conn := w.dial(t)
	send(t, conn, "GET /health HTTP/1.1\r\nHost: x\r\n")
	for range 20 {
		if _, err := fmt.Fprintf(conn, "X-Large: %s\r\n", strings.Repeat("x", 8<<10)); err != nil {
			break // refused before all was sent
		}
	}
	_, _ = fmt.Fprint(conn, "\r\n")
	require.Equal(t, http.StatusRequestHeaderFieldsTooLarge, receive(t, conn).status)
}

func TestServer_malformedRequestsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	for name, request := range map[string]string{
		"no HTTP":                "hello\r\n\r\n",
		"no host":                "GET /health HTTP/1.1\r\n\r\n",
		"two lengths":            "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
		"a negative length":      "POST /open HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"an odd encoding":        "POST /open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
		"a header with a space":  "GET /health HTTP/1.1\r\nHost: x\r\nX Y: z\r\n\r\n",
		"a broken chunk":         "POST /open HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"a path with a bad code": "GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := w.dial(t)
			send(t, conn, "%s", request)
			require.Contains(t, []int{http.StatusBadRequest, http.StatusNotImplemented}, receive(t, conn).status)
		})
	}
}

func TestServer_clientGoneMidway(t *testing.T) {
	t.Parallel()
	entered, ended := make(chan struct{}), make(chan error)
	w := newWorld(t, web.Config{BodyTimeout: 100 * time.Millisecond}, nil, func(api huma.API) {
		routes(api)
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/long"},
			func(ctx context.Context, _ *openInput) (*textOutput, error) {
				entered <- struct{}{}
				<-ctx.Done()
				ended <- ctx.Err()
				return nil, fmt.Errorf("querying: %w", ctx.Err())
			})
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/patient"},
			func(ctx context.Context, _ *openInput) (*textOutput, error) {
				select {
				case <-ctx.Done():
					return nil, ctx.Err()
				case <-time.After(400 * time.Millisecond):
					return said("done"), nil
				}
			})
	})

	t.Run("the handler's context ends, and nothing is logged as a failure", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 16\r\n\r\n{\"name\":\"alice\"}")
		<-entered
		require.NoError(t, conn.Close())
		require.ErrorIs(t, <-ended, context.Canceled)
		require.Eventually(t, func() bool { return len(w.logs.lines(t, "request")) == 1 }, 5*time.Second, time.Millisecond)
		require.Equal(t, true, w.logs.lines(t, "request")[0]["aborted"])
		require.NotContains(t, w.logs.String(), `"level":"ERROR"`)
		require.NotContains(t, w.logs.String(), `"level":"WARN"`)
	})
	t.Run("half a body is not handled", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /long HTTP/1.1\r\nHost: x\r\nContent-Length: 17\r\n\r\n{\"name\":\"alice\"}")
		tcp, ok := conn.(*net.TCPConn)
		require.True(t, ok)
		require.NoError(t, tcp.CloseWrite())
		a := receive(t, conn)
		require.Equal(t, http.StatusBadRequest, a.status)
		require.Equal(t, "body_broken", a.problem(t)["code"])
	})
	t.Run("the time for the body does not run while the handler works", func(t *testing.T) {
		a := w.do(t, scenario{method: http.MethodPost, path: "/patient", body: `{"name":"alice"}`})
		require.Equal(t, http.StatusOK, a.status)
	})
}

func TestServer_aClientThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	w := newWorld(t, web.Config{WriteTimeout: 200 * time.Millisecond}, nil, nil)
	w.server.Echo().GET("/endless", func(c echo.Context) error {
		block := make([]byte, 64<<10)
		for {
			if _, err := c.Response().Write(block); err != nil {
				ended <- err
				return nil
			}
		}
	})
	conn := w.dial(t)
	send(t, conn, "GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
	require.Error(t, <-ended)
}

func TestServer_aLongAnswerMayTakeItsTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{WriteTimeout: 1500 * time.Millisecond}, nil, nil)
	w.server.Echo().GET("/slow", func(c echo.Context) error {
		ticker := time.NewTicker(400 * time.Millisecond)
		defer ticker.Stop()
		for range 6 {
			<-ticker.C
			if _, err := c.Response().Write([]byte("x")); err != nil {
				return err
			}
			c.Response().Flush()
		}
		return nil
	})
	require.Equal(t, "xxxxxx", w.do(t, scenario{path: "/slow"}).body)
}

func TestServer_aPanicAfterTheAnswerHasBegunCutsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, nil)
	w.server.Echo().GET("/half", func(c echo.Context) error {
		_, _ = c.Response().Write([]byte("half"))
		c.Response().Flush()
		panic("no more")
	})
	conn := w.dial(t)
	send(t, conn, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	_, err = io.ReadAll(res.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF, "half an answer is not taken for a whole one")
	require.Len(t, w.logs.lines(t, "a handler panicked"), 1)
}

// Hundreds of requests on few connections, good and bad in turn: nothing is left
// over from one to the next.
func TestServer_requestsOnOneConnectionDoNotDisturbEachOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	for i := range 200 {
		require.Equal(t, 201, w.do(t, scenario{method: http.MethodPost, path: "/accounts", body: `{"name":"alice","password":"longenough"}`}).status)
		require.Equal(t, 404, w.do(t, scenario{method: http.MethodPost, path: "/nowhere", body: strings.Repeat("x", i*100)}).status)
		require.Equal(t, 422, w.do(t, scenario{method: http.MethodPost, path: "/accounts", body: `{}`}).status)
	}
}
