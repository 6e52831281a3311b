package web_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/web"
)

// alphabet is what the files of these tests contain.
const alphabet = "abcdefghijklmnopqrstuvwxyz"

// fileRoutes answers with the content as a file of the name and type asked for.
func fileRoutes(content func() io.ReadSeeker) func(api huma.API) {
	return fileRoutesThatEnd(content, nil)
}

// fileRoutesThatEnd is fileRoutes with a channel that is told when an answer has ended.
func fileRoutesThatEnd(content func() io.ReadSeeker, ended chan<- struct{}) func(api huma.API) {
	return func(api huma.API) {
		type request struct {
			Name  string `query:"name"`
			Media string `query:"media"`
		}
		web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/file"}, func(_ context.Context, in *request) (*huma.StreamResponse, error) {
			answer := web.FileAnswer(web.File{Name: in.Name, MediaType: in.Media, Tag: "h1", Content: content(), MaxAge: 60})
			send := answer.Body
			answer.Body = func(out huma.Context) {
				if ended != nil {
					defer func() { ended <- struct{}{} }()
				}
				send(out)
			}
			return answer, nil
		})
	}
}

func ofAlphabet() io.ReadSeeker { return strings.NewReader(alphabet) }

func TestFile_RangesAndConditions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(ofAlphabet))
	for name, c := range map[string]struct {
		header map[string]string
		status int
		body   string
		ranged string
	}{
		"the whole":                         {nil, 200, alphabet, ""},
		"a range":                           {map[string]string{"Range": "bytes=2-4"}, 206, "cde", "bytes 2-4/26"},
		"from somewhere":                    {map[string]string{"Range": "bytes=23-"}, 206, "xyz", "bytes 23-25/26"},
		"the last bytes":                    {map[string]string{"Range": "bytes=-2"}, 206, "yz", "bytes 24-25/26"},
		"beyond the end is cut":             {map[string]string{"Range": "bytes=24-1000"}, 206, "yz", "bytes 24-25/26"},
		"however far beyond":                {map[string]string{"Range": "bytes=24-99999999999999999999999"}, 206, "yz", "bytes 24-25/26"},
		"more last bytes than there are":    {map[string]string{"Range": "bytes=-99999999999999999999999"}, 206, alphabet, "bytes 0-25/26"},
		"leading zeros":                     {map[string]string{"Range": "bytes=002-0000000000000000000000004"}, 206, "cde", "bytes 2-4/26"},
		"the unit in any case":              {map[string]string{"Range": "Bytes=2-4"}, 206, "cde", "bytes 2-4/26"},
		"a list of one":                     {map[string]string{"Range": "bytes= ,\t2-4 ,"}, 206, "cde", "bytes 2-4/26"},
		"a list of none":                    {map[string]string{"Range": "bytes=,"}, 200, alphabet, ""},
		"one that ends earlier":             {map[string]string{"Range": "bytes=4-2"}, 200, alphabet, ""},
		"one that ends far earlier":         {map[string]string{"Range": "bytes=99999999999999999999999-99999999999999999999998"}, 200, alphabet, ""},
		"one with a sign":                   {map[string]string{"Range": "bytes=+2-4"}, 200, alphabet, ""},
		"one with a space":                  {map[string]string{"Range": "bytes=2 -4"}, 200, alphabet, ""},
		"one with three numbers":            {map[string]string{"Range": "bytes=2-3-4"}, 200, alphabet, ""},
		"one with none":                     {map[string]string{"Range": "bytes=-"}, 200, alphabet, ""},
		"one without a dash":                {map[string]string{"Range": "bytes=2"}, 200, alphabet, ""},
		"one that is no range":              {map[string]string{"Range": "bytes=z"}, 200, alphabet, ""},
		"no unit":                           {map[string]string{"Range": "2-4"}, 200, alphabet, ""},
		"several ranges give the whole":     {map[string]string{"Range": "bytes=0-0,2-2,4-4"}, 200, alphabet, ""},
		"another unit gives the whole":      {map[string]string{"Range": "lines=0-1"}, 200, alphabet, ""},
		"a range of what it still is":       {map[string]string{"Range": "bytes=0-1", "If-Range": `"h1"`}, 206, "ab", "bytes 0-1/26"},
		"one beyond the end of what it was": {map[string]string{"Range": "bytes=26-", "If-Range": `"h0"`}, 200, alphabet, ""},
		"a weak tag promises no bytes":      {map[string]string{"Range": "bytes=0-1", "If-Range": `W/"h1"`}, 200, alphabet, ""},
		"a date that is not known":          {map[string]string{"Range": "bytes=0-1", "If-Range": "Wed, 21 Oct 2015 07:28:00 GMT"}, 200, alphabet, ""},
		"a condition comes before":          {map[string]string{"Range": "bytes=26-", "If-None-Match": `"h1"`}, 304, "", ""},
		"a range of what it was":            {map[string]string{"Range": "bytes=0-1", "If-Range": `"h0"`}, 200, alphabet, ""},
		"as the client has it":              {map[string]string{"If-None-Match": `"h0", "h1"`}, 304, "", ""},
		"not as the client has it":          {map[string]string{"If-None-Match": `"h0"`}, 200, alphabet, ""},
		"if it is as expected":              {map[string]string{"If-Match": `"h1"`}, 200, alphabet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(t, scenario{path: "/file?name=a.txt&media=text/plain", header: c.header})
			require.Equal(t, c.status, a.status, a.body)
			require.Equal(t, c.ranged, a.header.Get("Content-Range"))
			require.Equal(t, c.body, a.body)
			require.Equal(t, `"h1"`, a.header.Get("ETag"))
			require.Equal(t, "private, max-age=60", a.header.Get("Cache-Control"))
			require.Contains(t, a.header.Values("Vary"), "Authorization")
			if c.status != http.StatusNotModified {
				require.Equal(t, "bytes", a.header.Get("Accept-Ranges"))
				require.Equal(t, "text/plain", a.header.Get("Content-Type"))
			}
		})
	}
}

func TestFile_WhatIsRefusedIsAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(ofAlphabet))
	for name, c := range map[string]struct {
		header map[string]string
		status int
		code   string
	}{
		"a range beyond the end": {map[string]string{"Range": "bytes=26-"}, 416, "range_not_satisfiable"},
		"one far beyond the end": {map[string]string{"Range": "bytes=99999999999999999999998-99999999999999999999999"}, 416, "range_not_satisfiable"},
		"the last bytes, none":   {map[string]string{"Range": "bytes=-0"}, 416, "range_not_satisfiable"},
		"a content of before":    {map[string]string{"If-Match": `"h0"`}, 412, "precondition_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.do(t, scenario{path: "/file?name=a.html&media=text/html", header: c.header})
			require.Equal(t, c.status, a.status)
			require.Equal(t, c.code, a.problem(t)["code"])
			if c.status == http.StatusRequestedRangeNotSatisfiable {
				require.Equal(t, "bytes */26", a.header.Get("Content-Range"))
			}
			require.Equal(t, "no-store", a.header.Get("Cache-Control"))
			require.Empty(t, a.header.Get("Content-Disposition"))
			require.Empty(t, a.header.Get("ETag"))
			require.NotContains(t, a.header.Get("Content-Security-Policy"), "sandbox")
		})
	}
}

func TestFile_AHeadReadsNothing(t *testing.T) {
	t.Parallel()
	read := errors.New("read")
	w := newWorld(t, web.Config{}, nil, fileRoutes(func() io.ReadSeeker { return failing{strings.NewReader(alphabet), 0, read} }))
	a := w.do(t, scenario{method: http.MethodHead, path: "/file?name=a.txt&media=text/plain"})
	require.Equal(t, http.StatusOK, a.status)
	require.Equal(t, "26", a.header.Get("Content-Length"))
	require.Equal(t, `"h1"`, a.header.Get("ETag"))
	require.Empty(t, a.body)
	a = w.do(t, scenario{method: http.MethodHead, path: "/file?name=a.txt&media=text/plain", header: map[string]string{"Range": "bytes=2-4"}})
	require.Equal(t, http.StatusOK, a.status, "a range is for GET")
	require.Equal(t, "26", a.header.Get("Content-Length"))
}

func TestFile_AnEmptyOneHasNoRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(func() io.ReadSeeker { return strings.NewReader("") }))
	for _, asked := range []string{"bytes=0-", "bytes=0-0", "bytes=-1", "bytes=-0", "bytes=5-"} {
		a := w.do(t, scenario{path: "/file?name=a.txt&media=text/plain", header: map[string]string{"Range": asked}})
		require.Equal(t, http.StatusOK, a.status, asked)
		require.Empty(t, a.header.Get("Content-Range"), asked)
		require.Equal(t, "0", a.header.Get("Content-Length"), asked)
	}
}

func TestFile_TwoHeadersWithARangeAreTwoRanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(ofAlphabet))
	conn := w.dial(t)
	send(t, conn, "GET /file?name=a HTTP/1.1\r\nHost: x\r\nRange: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n")
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = a.Body.Close() }()
	require.Equal(t, http.StatusOK, a.StatusCode)
}

// failing reads so many bytes and then fails.
type failing struct {
	*strings.Reader

	good int
	err  error
}

func (f failing) Read(p []byte) (int, error) {
	if f.Size()-int64(f.Len()) >= int64(f.good) {
		return 0, f.err
	}
	return f.Reader.Read(p[:min(len(p), f.good)])
}

func TestFile_WhatCannotBeReadToItsEndIsBrokenOff(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	w := newWorld(t, web.Config{}, nil, fileRoutesThatEnd(func() io.ReadSeeker {
		return failing{strings.NewReader(strings.Repeat(alphabet, 1000)), 20_000, errors.New("the content was replaced")}
	}, ended))
	conn := w.dial(t)
	send(t, conn, "GET /file?name=a HTTP/1.1\r\nHost: x\r\n\r\n")
	a, err := http.ReadResponse(bufio.NewReader(conn), nil)
	require.NoError(t, err)
	defer func() { _ = a.Body.Close() }()
	got, err := io.ReadAll(a.Body)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	require.LessOrEqual(t, len(got), 20_000)
	<-ended
	require.Len(t, w.logs.lines(t, "a file was broken off"), 1)
	require.Equal(t, "the content was replaced", w.logs.lines(t, "a file was broken off")[0]["error"])
}

func TestFile_WhatCannotBeReadAtAllIsAProblem(t *testing.T) {
	t.Parallel()
	busy := apperr.New(apperr.Unavailable, "busy", "Try again.").WithRetryAfter(time.Second)
	w := newWorld(t, web.Config{}, nil, fileRoutes(func() io.ReadSeeker { return failing{strings.NewReader(alphabet), 0, busy} }))
	for _, header := range []map[string]string{nil, {"Range": "bytes=0-1"}} {
		a := w.do(t, scenario{path: "/file?name=a.html&media=text/html", header: header})
		require.Equal(t, http.StatusServiceUnavailable, a.status)
		require.Equal(t, "busy", a.problem(t)["code"])
		require.Equal(t, "1", a.header.Get("Retry-After"))
		require.Equal(t, "no-store", a.header.Get("Cache-Control"))
		for _, of := range []string{"Content-Disposition", "ETag", "Content-Range", "Accept-Ranges"} {
			require.Empty(t, a.header.Get(of), of)
		}
	}
}

// bottomless has so many bytes that no buffer takes them.
type bottomless struct{}

func (bottomless) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func (bottomless) Seek(_ int64, whence int) (int64, error) {
	if whence == io.SeekEnd {
		return 1 << 50, nil
	}
	return 0, nil
}

func TestFile_AClientThatDoesNotReadIsGivenUp(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{}, 1)
	w := newWorld(t, web.Config{WriteTimeout: 200 * time.Millisecond}, nil, fileRoutesThatEnd(func() io.ReadSeeker { return bottomless{} }, ended))
	conn := w.dial(t)
	send(t, conn, "GET /file?name=a HTTP/1.1\r\nHost: x\r\n\r\n")
	<-ended
}

func TestFile_ANameCannotBreakOutOfTheHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(ofAlphabet))
	for name, want := range map[string]struct{ plain, full string }{
		"report.pdf":                      {"report.pdf", "report.pdf"},
		"Bericht (für Ada) 2024.pdf":      {"Bericht (f_r Ada) 2024.pdf", "Bericht (für Ada) 2024.pdf"},
		"報告.pdf":                          {"__.pdf", "報告.pdf"},
		`a"; filename="evil.exe`:          {"a_; filename=_evil.exe", `a"; filename="evil.exe`},
		"a\r\nSet-Cookie: x=1":            {"a__Set-Cookie: x=1", "a__Set-Cookie: x=1"},
		"a\tb\x7f\u0085c":                 {"a_b__c", "a_b__c"},
		`..\..\evil.exe`:                  {".._.._evil.exe", ".._.._evil.exe"},
		"../../etc/passwd":                {".._.._etc_passwd", ".._.._etc_passwd"},
		"100%41.txt":                      {"100_41.txt", "100%41.txt"},
		"invoice\u202efdp.exe":            {"invoice_fdp.exe", "invoice_fdp.exe"},
		"a\u2066b\u200fc\u061cd\ufeffe":   {"a_b_c_d_e", "a_b_c_d_e"},
		"a\u2028b":                        {"a_b", "a_b"},
		"it's; a=b, c*":                   {"it's; a=b, c*", "it's; a=b, c*"},
		strings.Repeat("\U0001F9AD", 255): {strings.Repeat("_", 255), strings.Repeat("\U0001F9AD", 255)},
	} {
		a := w.do(t, scenario{path: "/file?media=text/plain&name=" + strings.ReplaceAll(url.QueryEscape(name), "+", "%20")})
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Empty(t, a.header.Get("Set-Cookie"))
		value := a.header.Get("Content-Disposition")
		require.True(t, strings.HasPrefix(value, `inline; filename="`+want.plain+`"; filename*=UTF-8''`), value)
		// Read by the names that it has, the second one wins.
		_, encoded, _ := strings.Cut(value, "; filename*=")
		_, parameters, err := mime.ParseMediaType("inline; filename*=" + encoded)
		require.NoError(t, err, value)
		require.Equal(t, want.full, parameters["filename"], value)
	}
}

func TestFile_WhatMayHaveScriptsIsNotShown(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, fileRoutes(ofAlphabet))
	for media, want := range map[string]struct{ kind, media string }{
		"text/plain":                {"inline", "text/plain"},
		"Text/Plain; Charset=UTF-8": {"inline", "text/plain; charset=UTF-8"},
		"text/markdown":             {"inline", "text/markdown"},
		"application/pdf":           {"inline", "application/pdf"},
		"image/png":                 {"inline", "image/png"},
		"video/mp4":                 {"inline", "video/mp4"},
		"application/vnd.openxmlformats-officedocument.wordprocessingml.document": {"inline", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
		"":                                {"inline", "application/octet-stream"},
		"nonsense":                        {"inline", "application/octet-stream"},
		"text/plain\r\nSet-Cookie: x=1":   {"inline", "application/octet-stream"},
		"text/html; charset":              {"inline", "application/octet-stream"},
		"text/html":                       {"attachment", "text/html"},
		"TEXT/HTML; charset=utf-8":        {"attachment", "text/html; charset=utf-8"},
		" text/html":                      {"attachment", "text/html"},
		"application/xhtml+xml":           {"attachment", "application/xhtml+xml"},
		"image/svg+xml":                   {"attachment", "image/svg+xml"},
		"text/xml":                        {"attachment", "text/xml"},
		"application/xml; charset=utf-8":  {"attachment", "application/xml; charset=utf-8"},
		"application/vnd.mozilla.xul+xml": {"attachment", "application/vnd.mozilla.xul+xml"},
		"text/javascript":                 {"attachment", "text/javascript"},
		"multipart/related":               {"attachment", "multipart/related"},
		"message/rfc822":                  {"attachment", "message/rfc822"},
		"text/x-never-heard-of":           {"attachment", "text/x-never-heard-of"},
	} {
		a := w.do(t, scenario{path: "/file?name=a&media=" + url.QueryEscape(media)})
		require.Equal(t, http.StatusOK, a.status, a.body)
		require.Equal(t, want.media, a.header.Get("Content-Type"), media)
		kind, _, _ := strings.Cut(a.header.Get("Content-Disposition"), ";")
		require.Equal(t, want.kind, kind, media)
		require.Contains(t, a.header.Get("Content-Security-Policy"), "sandbox", media)
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"))
		require.Empty(t, a.header.Get("Set-Cookie"))
	}
}
