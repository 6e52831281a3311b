package web_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

type streamInput struct {
	ID string `path:"id"`
	web.Stream
}

// streamRoutes count what arrives. seen is told each line's number.
func streamRoutes(seen chan int) func(api huma.API) {
	countLines := func(_ context.Context, in *streamInput) (*textOutput, error) {
		lines, count, size := web.NewLines(in.Reader(), 1<<20), 0, 0
		for {
			line, number, err := lines.Next()
			if errors.Is(err, io.EOF) {
				return said("%s %d lines, %d bytes, %s", in.ID, count, size, in.MediaType()), nil
			}
			if err != nil {
				return nil, err
			}
			count, size = count+1, size+len(line)
			if seen != nil {
				seen <- number
			}
		}
	}
	countParts := func(_ context.Context, in *streamInput) (*textOutput, error) {
		parts, err := in.Parts()
		if err != nil {
			return nil, err
		}
		var found []string
		for {
			part, err := parts.Next()
			if errors.Is(err, io.EOF) {
				return said("%s", strings.Join(found, ",")), nil
			}
			if err != nil {
				return nil, err
			}
			if part.FileName() == "" {
				text, err := part.Text(5)
				if err != nil {
					return nil, err
				}
				found = append(found, part.FormName()+"="+text)
				continue
			}
			n, err := io.Copy(io.Discard, part)
			if err != nil {
				return nil, err
			}
			found = append(found, fmt.Sprintf("%s:%s:%s:%d", part.FormName(), part.FileName(), part.MediaType(), n))
		}
	}
	return func(api huma.API) {
		type line struct {
			Content string `json:"content"`
		}
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/lines/{id}", OperationID: "lines",
			RequestBody: web.BodyOf[line](api, "application/x-ndjson", "One a line.")}, countLines)
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/json/{id}", OperationID: "json-stream",
			RequestBody: web.BodyOf[line](api, "application/json", "As JSON, streamed all the same.")}, countLines)
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/bounded/{id}", MaxBodyBytes: 1000}, countLines)
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/timed/{id}", BodyReadTimeout: 300 * time.Millisecond}, countLines)
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/parts/{id}"}, countParts)
	}
}

func TestStream_arrivesAsItIsSent(t *testing.T) {
	t.Parallel()
	seen := make(chan int)
	w := newWorld(t, web.Config{}, nil, streamRoutes(seen))
	for _, path := range []string{"/lines/a", "/json/a"} {
		reader, writer := io.Pipe()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+path, reader)
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/X-NDJSON; charset=utf-8")
		answered := make(chan string)
		go func() {
			res, err := w.client.Do(r)
			if err != nil {
				answered <- err.Error()
				return
			}
			data, _ := io.ReadAll(res.Body)
			_ = res.Body.Close()
			answered <- string(data)
		}()
		for i := range 3 {
			_, err := fmt.Fprintf(writer, "{\"n\":%d}\n", i)
			require.NoError(t, err)
			require.Equal(t, i+1, <-seen, "a line is handled before the next one is sent")
		}
		require.NoError(t, writer.Close())
		require.Contains(t, <-answered, "a 3 lines, 21 bytes, application/x-ndjson")
	}
}

// zeros is a body of so many bytes in lines, of which nothing is in memory.
type linesOf struct{ left int }

func (l *linesOf) Read(p []byte) (int, error) {
	if l.left == 0 {
		return 0, io.EOF
	}
	n := min(len(p), l.left)
	for i := range n {
		p[i] = 'x'
		if (l.left-i)%1000 == 1 {
			p[i] = '\n'
		}
	}
	l.left -= n
	return n, nil
}

func TestStream_aLargeBodyPasses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, streamRoutes(nil))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/lines/a", &linesOf{left: 50_000_000})
	require.NoError(t, err)
	res, err := w.client.Do(r)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.Contains(t, string(data), "a 50000 lines, 49950000 bytes")
}

func TestStream_limits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{StreamIdleTimeout: 150 * time.Millisecond, MaxBodyBytes: 10}, nil, streamRoutes(nil))
	w.run(t, []scenario{
		{name: "the limit of JSON bodies does not count", method: http.MethodPost, path: "/lines/a", body: strings.Repeat("x\n", 100), status: 200},
		{name: "no body", method: http.MethodPost, path: "/lines/a", status: 200, has: []string{"0 lines"}},
		{name: "just its own limit", method: http.MethodPost, path: "/bounded/a", body: strings.Repeat("x", 1000), status: 200},
		{name: "over its own limit", method: http.MethodPost, path: "/bounded/a", body: strings.Repeat("x", 1001), status: 413, has: []string{"1000 bytes"}},
		{name: "a line over the limit", method: http.MethodPost, path: "/lines/a", body: "a\n" + strings.Repeat("x", 1<<20+1) + "\n", status: 413, has: []string{"Line 2 is longer than 1 MiB", `"line":2`}},
		{name: "a line that is not UTF-8", method: http.MethodPost, path: "/lines/a", body: "a\n\nb\xff\n", status: 422, has: []string{"Line 3 is not valid UTF-8"}},
	})
}

func TestStream_limitsWithoutALength(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{StreamIdleTimeout: 150 * time.Millisecond}, nil, streamRoutes(nil))
	t.Run("over its own limit, with no length announced", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /bounded/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n%s\r\n0\r\n\r\n", strings.Repeat("x", 1001))
		require.Equal(t, http.StatusRequestEntityTooLarge, receive(t, conn).status)
	})
	t.Run("no byte for a while", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /lines/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx\n\r\n")
		a := receive(t, conn)
		require.Equal(t, http.StatusRequestTimeout, a.status)
		require.Equal(t, "body_timeout", a.problem(t)["code"])
	})
	t.Run("a byte now and then for as long as it takes", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /lines/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		ticker := time.NewTicker(50 * time.Millisecond)
		defer ticker.Stop()
		for range 8 {
			<-ticker.C
			send(t, conn, "2\r\nx\n\r\n")
		}
		send(t, conn, "0\r\n\r\n")
		require.Contains(t, receive(t, conn).body, "8 lines")
	})
	t.Run("unless the route bounds the whole", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /timed/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
		done := make(chan struct{})
		go func() {
			defer close(done)
			ticker := time.NewTicker(50 * time.Millisecond)
			defer ticker.Stop()
			for range 100 {
				<-ticker.C
				if _, err := fmt.Fprint(conn, "2\r\nx\n\r\n"); err != nil {
					return
				}
			}
		}()
		require.Equal(t, http.StatusRequestTimeout, receive(t, conn).status)
		_ = conn.Close()
		<-done
	})
	t.Run("cut off", func(t *testing.T) {
		conn := w.dial(t)
		send(t, conn, "POST /lines/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nx\n\r\n5\r\nab")
		tcp, ok := conn.(interface{ CloseWrite() error })
		require.True(t, ok)
		require.NoError(t, tcp.CloseWrite())
		require.Equal(t, "body_broken", receive(t, conn).problem(t)["code"], "the end must be said")
	})
}

func TestStream_multipart(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, streamRoutes(nil))
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	require.NoError(t, form.WriteField("source_path", "/docs"))
	file, err := form.CreateFormFile("file", "ü.txt")
	require.NoError(t, err)
	_, err = io.Copy(file, &linesOf{left: 3_000_000})
	require.NoError(t, err)
	require.NoError(t, form.Close())

	post := func(name, contentType, body string, status int, has ...string) scenario {
		return scenario{name: name, method: http.MethodPost, path: "/parts/a", body: body, status: status, has: has,
			header: map[string]string{"Content-Type": contentType}}
	}
	w.run(t, []scenario{
		post("its parts", form.FormDataContentType(), body.String(), 200, "source_path=/docs,file:ü.txt:application/octet-stream:3000000"),
		post("no multipart", "application/json", "{}", 415, "multipart/form-data"),
		post("another multipart", "multipart/mixed; boundary=x", "", 415),
		post("no type", "", "x", 415),
		post("no boundary", "multipart/form-data", "x", 400, "names no boundary"),
		post("a text that is too long", form.FormDataContentType(), strings.Replace(body.String(), "/docs", "/documents", 1), 422, "body.source_path: must have at most 5 bytes"),
		post("a text that is not UTF-8", form.FormDataContentType(), strings.Replace(body.String(), "/docs", "/\xff", 1), 422, "must be valid UTF-8"),
		post("another boundary", "multipart/form-data; boundary=other", body.String(), 400, "malformed_multipart"),
		post("cut off", form.FormDataContentType(), body.String()[:1000], 400, "malformed_multipart"),
		post("nothing", form.FormDataContentType(), "", 400, "malformed_multipart"),
		post("a header without end", form.FormDataContentType(), "--"+form.Boundary()+"\r\nX: "+strings.Repeat("x", 11<<20), 400, "malformed_multipart"),
	})
}

func TestStream_isDescribedAndNotBuffered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, streamRoutes(nil))
	api := w.server.API().OpenAPI()
	require.NotNil(t, api.Paths["/lines/{id}"].Post.RequestBody.Content["application/x-ndjson"].Schema)
	require.NotNil(t, api.Paths["/json/{id}"].Post.RequestBody.Content["application/json"].Schema)
}

func TestLines(t *testing.T) {
	t.Parallel()
	type got struct {
		number int
		line   string
	}
	read := func(text string, limit int) (found []got, err error) {
		lines := web.NewLines(strings.NewReader(text), limit)
		for {
			line, number, err := lines.Next()
			if err != nil {
				return found, err
			}
			found = append(found, got{number, string(line)})
		}
	}
	for text, want := range map[string][]got{
		"":                   nil,
		"\n\n \n":            nil,
		"a":                  {{1, "a"}},
		"a\n":                {{1, "a"}},
		"a\r\nb\r\n":         {{1, "a"}, {2, "b"}},
		"\xef\xbb\xbfa\n\nb": {{1, "a"}, {3, "b"}},
		"  a  \n\tb":         {{1, "a"}, {2, "b"}},
		"12345678\r\nx":      {{1, "12345678"}, {2, "x"}},
	} {
		found, err := read(text, 8)
		require.ErrorIs(t, err, io.EOF, "%q", text)
		require.Equal(t, want, found, "%q", text)
	}
	long := strings.Repeat("x", 200_000)
	found, err := read(long+"\n"+long, len(long))
	require.ErrorIs(t, err, io.EOF)
	require.Len(t, found, 2)
	for _, text := range []string{"123456789", "123456789\n", "123456789\r\n", "a\n" + long} {
		_, err := read(text, 8)
		require.ErrorIs(t, err, web.ErrLineTooLong, "%.20q", text)
	}
	_, err = read("a\n\xc3\n", 8)
	require.ErrorIs(t, err, web.ErrLineNotUTF8)
}

func TestStream_aReadThatWaitsIsInterrupted(t *testing.T) {
	t.Parallel()
	reading := make(chan struct{})
	w := newWorld(t, web.Config{StreamIdleTimeout: time.Minute}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/wait/{id}"}, func(_ context.Context, in *streamInput) (*textOutput, error) {
			ended := make(chan error)
			go func() {
				_, err := in.Reader().Read(make([]byte, 1))
				if err == nil {
					close(reading)
					_, err = in.Reader().Read(make([]byte, 1))
				}
				ended <- err
			}()
			<-reading
			in.Interrupt()
			err := <-ended
			_, again := in.Reader().Read(make([]byte, 1))
			return said("ended %t, ended again %t", err != nil, again != nil), nil
		})
	})
	conn := w.dial(t)
	send(t, conn, "POST /wait/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n")
	require.Contains(t, receive(t, conn).body, "ended true, ended again true")
}
