package web_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

type packedInput struct {
	web.EncodedStream
}

// packedRoute counts the lines of a body that may be packed.
func packedRoute(api huma.API) {
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/packed"}, func(_ context.Context, in *packedInput) (*textOutput, error) {
		body, err := in.Decoded()
		if err != nil {
			return nil, err
		}
		defer func() { _ = body.Close() }()
		lines, count := web.NewLines(body, 1<<20), 0
		for {
			_, _, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return said("%d lines", count), nil
			}
			if err != nil {
				return nil, err
			}
			count++
		}
	})
}

func gzipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zstandard(t *testing.T, text string, options ...zstd.EOption) string {
	t.Helper()
	var b bytes.Buffer
	w, err := zstd.NewWriter(&b, append(options, zstd.WithEncoderConcurrency(1))...)
	require.NoError(t, err)
	_, err = w.Write([]byte(text))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func TestEncodedStream_unpacks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{StreamIdleTimeout: 150 * time.Millisecond}, nil, packedRoute)
	plain := strings.Repeat("a line of text that is packed\n", 10_000)
	zip, zst := gzipped(t, plain), zstandard(t, plain)
	packed := func(encoding string) map[string]string { return map[string]string{"Content-Encoding": encoding} }
	bomb := gzipped(t, strings.Repeat("x", 2<<20))
	w.run(t, []scenario{
		{name: "nothing said", method: http.MethodPost, path: "/packed", body: plain, status: 200, has: []string{"10000 lines"}},
		{name: "identity", method: http.MethodPost, path: "/packed", body: plain, header: packed("identity"), status: 200, has: []string{"10000 lines"}},
		{name: "gzip", method: http.MethodPost, path: "/packed", body: zip, header: packed("gzip"), status: 200, has: []string{"10000 lines"}},
		{name: "two files of gzip, one after another", method: http.MethodPost, path: "/packed", body: zip + zip, header: packed("GZIP"), status: 200, has: []string{"20000 lines"}},
		{name: "zstd", method: http.MethodPost, path: "/packed", body: zst, header: packed("zstd"), status: 200, has: []string{"10000 lines"}},
		{name: "two frames of zstd", method: http.MethodPost, path: "/packed", body: zst + zst, header: packed("zstd"), status: 200, has: []string{"20000 lines"}},
		{name: "an encoding that there is not", method: http.MethodPost, path: "/packed", body: plain, header: packed("br"), status: 415, has: []string{"gzip or with zstd"}},
		{name: "packed twice", method: http.MethodPost, path: "/packed", body: plain, header: packed("gzip, gzip"), status: 415, has: []string{"gzip or with zstd"}},
		{name: "not gzip at all", method: http.MethodPost, path: "/packed", body: plain, header: packed("gzip"), status: 400, has: []string{"body_not_packed", "not valid gzip data"}},
		{name: "not zstd at all", method: http.MethodPost, path: "/packed", body: plain, header: packed("zstd"), status: 400, has: []string{"body_not_packed", "not valid zstd data"}},
		{name: "gzip cut off", method: http.MethodPost, path: "/packed", body: zip[:len(zip)-9], header: packed("gzip"), status: 400, has: []string{"ends before its gzip data do"}},
		{name: "zstd cut off", method: http.MethodPost, path: "/packed", body: zst[:len(zst)-9], header: packed("zstd"), status: 400, has: []string{"ends before its zstd data do"}},
		{name: "an empty body as gzip", method: http.MethodPost, path: "/packed", body: "", header: packed("gzip"), status: 400, has: []string{"ends before its gzip data do"}},
		{name: "an empty body as zstd", method: http.MethodPost, path: "/packed", body: "", header: packed("zstd"), status: 200, has: []string{"0 lines"}},
		{name: "a bomb meets the limit of a line", method: http.MethodPost, path: "/packed", body: bomb, header: packed("gzip"), status: 413, has: []string{"Line 1 is longer than 1 MiB"}},
	})
	t.Run("a damaged checksum", func(t *testing.T) {
		damaged := []byte(zip)
		damaged[len(damaged)-6]++
		a := w.do(t, scenario{method: http.MethodPost, path: "/packed", body: string(damaged), header: packed("gzip")})
		require.Equal(t, 400, a.status, a.body)
	})
	t.Run("a window that would take much memory", func(t *testing.T) {
		large := zstandard(t, strings.Repeat(plain, 100), zstd.WithWindowSize(64<<20), zstd.WithSingleSegment(false))
		a := w.do(t, scenario{method: http.MethodPost, path: "/packed", body: large, header: packed("zstd")})
		require.Equal(t, 400, a.status, a.body)
		require.Contains(t, a.body, "window of more than 8 MiB")
	})
}

func TestEncodedStream_keepsTheErrorsOfTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{StreamIdleTimeout: 150 * time.Millisecond}, nil, packedRoute)
	plain := strings.Repeat("a line\n", 100_000)
	for encoding, body := range map[string]string{"gzip": gzipped(t, plain), "zstd": zstandard(t, plain)} {
		t.Run(encoding+", and then silence", func(t *testing.T) {
			conn := w.dial(t)
			half := body[:len(body)/2]
			send(t, conn, "POST /packed HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", encoding, len(half), half)
			a := receive(t, conn)
			require.Equal(t, http.StatusRequestTimeout, a.status)
			require.Equal(t, "body_timeout", a.problem(t)["code"])
		})
		t.Run(encoding+", cut off", func(t *testing.T) {
			conn := w.dial(t)
			half := body[:len(body)/2]
			send(t, conn, "POST /packed HTTP/1.1\r\nHost: x\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n%s", encoding, len(body), half)
			tcp, ok := conn.(interface{ CloseWrite() error })
			require.True(t, ok)
			require.NoError(t, tcp.CloseWrite())
			require.Equal(t, "body_broken", receive(t, conn).problem(t)["code"])
		})
	}
}
