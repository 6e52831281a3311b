package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

const someUUID = "0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a"

func TestServer_bodies(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	post := func(name, body string, status int, has ...string) scenario {
		return scenario{name: name, method: http.MethodPost, path: "/accounts", body: body, status: status, has: has,
			header: map[string]string{"Content-Type": "application/json"}, lacks: []string{"hunter2", "$schema", "Go struct"}}
	}
	typed := func(s scenario, contentType string) scenario {
		s.header = map[string]string{"Content-Type": contentType}
		return s
	}
	const good = `{"name":"alice","password":"hunter2hunter2","age":3}`
	w.run(t, []scenario{
		post("a good one is taken", good, 201, `{"text":"alice 3"}`),
		post("null is as good as absent where a member is optional", `{"name":"alice","password":"hunter2hunter2","age":null,"nick":null,"tags":null}`, 201),
		post("names of members may differ in case, as they always could", `{"NAME":"alice","password":"hunter2hunter2"}`, 201, "alice"),
		typed(post("another +json", good, 201), "application/vnd.api+json; charset=UTF-8"),
		typed(post("the type in capitals and with spaces", good, 201), "Application/JSON ; charset=utf-8"),

		post("every field that is wrong is named, the first in detail", `{"name":"al","password":"hunter2","age":-1,"kind":"c","tags":["1","2","3"]}`, 422,
			`"detail":"body.age: must be at least 0"`, `"code":"invalid_input"`,
			`{"location":"body.name","message":"must have at least 3 characters","value":"al"}`,
			`{"location":"body.password","message":"must have at least 8 characters","value":"[redacted]"}`,
			`{"location":"body.age","message":"must be at least 0","value":-1}`,
			`{"location":"body.kind","message":"must be one of \"a, b\"","value":"c"}`,
			`{"location":"body.tags","message":"must have at most 2 items","value":null}`),
		post("a missing member is named itself, and what stands beside it is not shown", `{"password":"hunter2hunter2"}`, 422,
			`"detail":"body.name: is required"`, `{"location":"body.name","message":"is required","value":null}`),
		post("a missing member further in", `{"name":"alice","password":"hunter2hunter2","address":{}}`, 422, `body.address.city`),
		post("an unknown member is refused", `{"name":"alice","password":"hunter2hunter2","x":{"password":"hunter2"}}`, 422,
			`{"location":"body.x","message":"is not a known field","value":null}`),
		post("a wrong type", `{"name":7,"password":["hunter2"],"age":"old"}`, 422, "must be a string", "must be a whole number", `"value":"old"`),
		post("a number that does not fit", `{"name":"alice","password":"hunter2hunter2","age":1e30}`, 422, "age cannot be a number"),
		post("a long value is cut", `{"name":"`+strings.Repeat("ü", 5000)+`","password":"hunter2hunter2"}`, 422, strings.Repeat("ü", 200)+`…"`),
		post("no object", `["hunter2"]`, 422, `"detail":"body: must be an object"`),

		post("nothing", "", 400, `"code":"body_required"`),
		post("malformed JSON", `{"name":"hunter2",`, 400, `"code":"malformed_json"`, "unexpected end of JSON input at byte 18"),
		post("two documents", good+good, 400, "malformed_json"),
		post("text after the document", good+"x", 400, "malformed_json"),
		post("no JSON at all", "name=alice&password=hunter2", 400, "malformed_json"),
		post("a byte order mark", "\xef\xbb\xbf"+good, 400, "malformed_json"),
		post("invalid UTF-8", "{\"name\":\"ali\xff\xfece\",\"password\":\"hunter2hunter2\"}", 400, "not valid UTF-8"),
		post("half a surrogate pair", `{"name":"\ud83d","password":"hunter2hunter2"}`, 400, `surrogate pair (\\ud83d)`),
		post("a member twice", `{"name":"alice","password":"hunter2hunter2","name":"bo"}`, 400, `has the member \"name\" twice`),
		post("a member twice, the second not validated by its case", `{"name":"alice","password":"hunter2hunter2","NAME":"bo"}`, 400, `\"NAME\" twice`),
		post("a member twice, escaped", `{"name":"alice","password":"hunter2hunter2","n\u0061me":"bo"}`, 400, "twice"),
		post("deep nesting", strings.Repeat("[", 500_000), 400, "nested deeper than 100 levels"),
		post("deep nesting of objects", strings.Repeat(`{"a":`, 100_000)+"1", 400, "nested deeper"),

		typed(post("a form", "name=alice", 415, `"code":"unsupported_media_type"`), "application/x-www-form-urlencoded"),
		typed(post("plain text", good, 415), "text/plain"),
		typed(post("another charset", good, 415), "application/json; charset=latin1"),
		typed(post("a malformed type", good, 415), "application/json/x; ="),
		post("over a mebibyte", `{"name":"`+strings.Repeat("x", 1<<20)+`"}`, 413, `"code":"body_too_large"`, "larger than 1 MiB", `"limit_bytes":1048576`),
	})
}

func TestServer_bodiesOfOtherKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	w.run(t, []scenario{
		{name: "unknown members are ignored where the type says so", method: http.MethodPost, path: "/open", body: `{"name":"alice","x":1}`, status: 200, has: []string{"alice"}},
		{name: "an optional body may be missing", method: http.MethodPost, path: "/optional", status: 200, has: []string{"true"}},
		{name: "an optional body may be null", method: http.MethodPost, path: "/optional", body: "null", status: 200, has: []string{"true"}},
		{name: "an optional body may be there", method: http.MethodPost, path: "/optional", body: `{"token":null}`, status: 200, has: []string{"false"}},
		{name: "a body of just the limit", method: http.MethodPost, path: "/small", body: `{"name":"123456789"}`, status: 200},
		{name: "a body of one byte more", method: http.MethodPost, path: "/small", body: `{"name":"1234567890"}`, status: 413, has: []string{"20 bytes"}},
	})
}

func TestServer_errors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	fail := func(how string, status int, has ...string) scenario {
		return scenario{name: how, path: "/fail/" + how, status: status, has: has, lacks: []string{"secret", "hunter2", "10.0.0.1"}}
	}
	with := func(s scenario, name, value string) scenario {
		s.headers = map[string]string{name: value}
		return s
	}
	w.run(t, []scenario{
		fail("conflict", 409, `"code":"thing_taken"`, `"detail":"The name is taken."`, `"existing_id":"42"`, `"instance":"/fail/conflict"`, `"status":409`),
		fail("notfound", 404, `There is no such thing <&>.`),
		fail("forbidden", 403, "thing_forbidden"),
		with(fail("unauth", 401, "token_expired"), "WWW-Authenticate", "Bearer"),
		with(fail("unavailable", 503, "database_busy"), "Retry-After", "2"),
		with(fail("down", 503, "database_down"), "Retry-After", "5"),
		with(fail("limited", 429, `"error":"rate_limit_exceeded"`, `"retry_after":30`, `"limit":"10 per minute"`), "Retry-After", "30"),
		fail("unknown", 500, `"code":"internal"`, "correlation id"),
		with(fail("deadline", 503, "interrupted"), "Retry-After", "5"),
		fail("large", 413, "thing_too_large"),
		fail("fields", 422, `"detail":"body.name: must not be empty"`, `{"location":"body.new_password","message":"is too common","value":"[redacted]"}`),
		fail("unmarshalable", 409, `"code":"odd"`),
		{name: "a panic", path: "/panic", status: 500, has: []string{`"code":"internal"`}, lacks: []string{"secret", "goroutine"}},
		{name: "no such route", path: "/nowhere?token=hush", status: 404, has: []string{`"code":"route_not_found"`, `"instance":"/nowhere"`}, lacks: []string{"hush"}},
		{name: "no such route with a body", method: http.MethodPost, path: "/nowhere", body: "x", status: 404},
		{name: "a method that the route has not", method: http.MethodPatch, path: "/names/x", status: 405, has: []string{`"code":"method_not_allowed"`, "PATCH"}},
		{name: "a method that nobody knows", method: "BREW", path: "/public", status: 405},
		{name: "nothing to say", method: http.MethodDelete, path: "/names/x", status: 204, headers: map[string]string{"Content-Type": ""}},
	})
	a := w.do(t, scenario{method: http.MethodPatch, path: "/names/x"})
	require.Contains(t, a.header.Get("Allow"), "GET")
	require.Contains(t, a.header.Get("Allow"), "DELETE")
}

func TestServer_logsA5xxOnceWithItsCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	a := w.do(t, scenario{path: "/fail/unknown?password=hunter2", header: map[string]string{"Authorization": "Bearer hunter2"}})
	w.do(t, scenario{path: "/fail/conflict"})
	w.do(t, scenario{path: "/fail/unavailable"})
	p := w.do(t, scenario{path: "/panic"})
	w.do(t, scenario{path: "/me", header: map[string]string{"Authorization": "Bearer alice"}})

	w.do(t, scenario{path: "/health"}) // only at level debug

	// The line of a request is written before the last bytes of a short answer.
	failed := w.logs.lines(t, "a request failed")
	require.Len(t, failed, 2)
	require.Contains(t, failed[0]["error"], "secret cause at 10.0.0.1")
	require.Equal(t, "ERROR", failed[0]["level"])
	require.Equal(t, "/fail/:how", failed[0]["route"])
	require.Equal(t, a.header.Get("X-Correlation-ID"), failed[0]["correlation_id"])
	require.Equal(t, "WARN", failed[1]["level"], "a 503 is no fault of the program")

	panicked := w.logs.lines(t, "a handler panicked")
	require.Len(t, panicked, 1)
	require.Equal(t, "secret reason", panicked[0]["reason"])
	require.Contains(t, panicked[0]["stack"], "routes_test.go")
	require.Equal(t, p.header.Get("X-Correlation-ID"), panicked[0]["correlation_id"])

	requests := w.logs.lines(t, "request")
	require.Len(t, requests, 6)
	require.Equal(t, "DEBUG", requests[5]["level"])
	require.Equal(t, map[string]any{"method": "GET", "route": "/fail/:how", "status": 500.0, "client": "127.0.0.1"},
		pick(requests[0], "method", "route", "status", "client"))
	require.EqualValues(t, len(a.body), requests[0]["bytes"])
	require.EqualValues(t, 500, requests[3]["status"], "a panic is logged as what was answered")
	require.EqualValues(t, 7, requests[4]["user_id"])
	require.NotContains(t, w.logs.String(), "hunter2")
	require.NotContains(t, w.logs.String(), "alice")
}

func pick(m map[string]any, names ...string) map[string]any {
	picked := map[string]any{}
	for _, name := range names {
		picked[name] = m[name]
	}
	return picked
}

func TestServer_whoIsIt(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	bearer := map[string]string{"WWW-Authenticate": "Bearer"}
	ask := func(name, path, authorization string, status int, has ...string) scenario {
		s := scenario{name: name, path: path, status: status, has: has, lacks: []string{"s3cret"}}
		if authorization != "" {
			s.header = map[string]string{"Authorization": authorization}
		}
		if status == 401 {
			s.headers = bearer
		}
		return s
	}
	w.run(t, []scenario{
		ask("a good token", "/me", "Bearer alice", 200, "alice 127.0.0.1"),
		ask("the scheme in any case, spaces around the token", "/me", "bEARER   alice ", 200),
		ask("no token", "/me", "", 401, `"code":"unauthenticated"`),
		ask("a bad token", "/me", "Bearer s3cret", 401, `"code":"token_invalid"`),
		ask("another scheme", "/me", "Basic s3cret", 401),
		ask("no scheme", "/me", "s3cret", 401),
		ask("the scheme alone", "/me", "Bearer", 401),
		ask("a token with a space", "/me", "Bearer alice s3cret", 401),
		ask("a token over 8 KiB", "/me", "Bearer "+strings.Repeat("s3cret", 2000), 401, "token_invalid"),
		ask("a user who may not", "/me", "Bearer inactive", 403, "Inactive user"),
		ask("when it cannot be told", "/me", "Bearer undecided", 503, "database_unavailable"),

		ask("a public route looks at no token", "/public", "Bearer s3cret", 200, "false"),
		ask("a public route asks nobody", "/public", "Bearer undecided", 200, "false"),
		ask("an optional token, none", "/maybe", "", 200, "false"),
		ask("an optional token, good", "/maybe", "Bearer alice", 200, "true alice"),
		ask("an optional token, bad", "/maybe", "Bearer s3cret", 401),
	})

	t.Run("two Authorization headers are refused", func(t *testing.T) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+"/me", nil)
		require.NoError(t, err)
		r.Header["Authorization"] = []string{"Bearer alice", "Bearer alice"}
		res, err := w.client.Do(r)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, 401, res.StatusCode)
	})
	t.Run("who is not known cannot send a body", func(t *testing.T) {
		a := w.do(t, scenario{method: http.MethodPost, path: "/me"})
		require.Equal(t, 405, a.status)
	})
}

func TestServer_addresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	w.run(t, []scenario{
		{name: "a trailing slash", path: "/public/", status: 200},
		{name: "several", path: "/public///", status: 200},
		{name: "a trailing slash before the query", path: "/names/x/?since=2025-07-15T12:00:00%2B02:00", status: 200, has: []string{"x 2025-07-15T10:00:00.000000Z"}},
		{name: "the root", path: "/", status: 404},
		{name: "a parameter is decoded", path: "/names/a%40b%20%C3%BC", status: 200, has: []string{"a@b ü"}},
		{name: "an encoded slash does not make another route", path: "/names/a%2Fb", status: 200},
		{name: "dots are no way up", path: "/names/..%2f..%2fpublic", status: 200, lacks: []string{"false"}},
		{name: "a path that is not UTF-8", path: "/names/%ff", status: 400, has: []string{`"code":"malformed_url"`}},
		{name: "a NUL in a path", path: "/names/a%00b", status: 400},
		{name: "a query that is not UTF-8", path: "/public?q=%ff", status: 400},
		{name: "a NUL in a query", path: "/public?q=a%00", status: 400},
		{name: "a query that cannot be decoded is not dropped", path: "/paged?page=2&per_page=%zz", status: 400},
		{name: "nor one with a semicolon", path: "/paged?page=2;per_page=3", status: 400},
		{name: "an unknown parameter is ignored", path: "/public?whatever=1", status: 200},
		{name: "HEAD is a GET without a body", method: http.MethodHead, path: "/public", status: 200},
		{name: "HEAD of nothing", method: http.MethodHead, path: "/nowhere", status: 404},
		{name: "OPTIONS of a route", method: http.MethodOptions, path: "/public", status: 204},

		{name: "a UUID, in any case, comes back in lower case", path: "/things/" + strings.ToUpper(someUUID), status: 200, has: []string{`"id":"` + someUUID + `"`}},
		{name: "no UUID", path: "/things/42", status: 422, has: []string{`"detail":"path.id: must be a version 4 UUID"`, `"value":"42"`}},
		{name: "a UUID of version 1", path: "/things/0b9b2d3e-6c1f-1a51-9d0c-1f2e3d4c5b6a", status: 422},
		{name: "a UUID in braces", path: "/things/%7B" + someUUID + "%7D", status: 422},
		{name: "a UUID without dashes", path: "/things/" + strings.ReplaceAll(someUUID, "-", ""), status: 422},
		{name: "no instant", path: "/names/x?since=yesterday", status: 422, has: []string{"query.since: must be an instant"}},
	})
}

func TestServer_answers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	a := w.do(t, scenario{path: "/things/" + someUUID})
	require.JSONEq(t, `{"id":"`+someUUID+`","text":"","at":"2025-07-15T10:00:00.120000Z","gone":null,"tags":[],
		"parts":[{"names":[]},{"names":[],"inner":{"names":[]}}],"nothing":null,"bytes":null}`, a.body)
	require.Equal(t, "application/json", a.header.Get("Content-Type"))
	require.Equal(t, "no-store", a.header.Get("Cache-Control"))
	require.Empty(t, a.header.Get("Link"), "no link to a schema")
	require.Equal(t, "[]\n", w.do(t, scenario{path: "/list"}).body)
	require.Equal(t, "application/json", w.do(t, scenario{path: "/list", header: map[string]string{"Accept": "text/html, image/png;q=0.1"}}).header.Get("Content-Type"))
}

func TestServer_paging(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, routes)
	after := web.EncodeCursor(map[string]int64{"Index": 5, "ID": 9_007_199_254_740_993})
	ok := func(path, has string) scenario {
		return scenario{name: path, path: path, status: 200, has: []string{has}}
	}
	bad := func(path, has string) scenario {
		return scenario{name: path, path: path, status: 422, has: []string{has}}
	}
	w.run(t, []scenario{
		ok("/paged", `{"things":[],"total":0,"page":1,"per_page":50}`),
		ok("/paged?page=3&per_page=10", `"total":20,"page":3,"per_page":10`),
		ok("/paged?page=2&limit=7", `"total":7,"page":2,"per_page":7`),
		ok("/paged?limit=7&per_page=9", `"per_page":9`),
		ok("/paged?page=&per_page=", `"page":1,"per_page":50`),
		bad("/paged?page=0", "query.page: must be at least 1"),
		bad("/paged?page=-1", "query.page"),
		bad("/paged?page=x", "query.page: must be a whole number"),
		bad("/paged?page=99999999999999999999", "query.page"),
		bad("/paged?page=1e9", "query.page"),
		bad("/paged?page=10000001", "query.page: must be at most 10000000"),
		bad("/paged?per_page=101", "query.per_page: must be at most 100"),
		bad("/paged?per_page=0", "query.per_page"),
		bad("/paged?limit=0", "query.limit"),
		ok("/windowed", `{"items":[],"total":3,"offset":0,"limit":50}`),
		ok("/windowed?offset=100&limit=100", `"offset":100,"limit":100`),
		bad("/windowed?offset=-1", "query.offset"),
		bad("/windowed?offset=1000000001", "query.offset: must be at most 1000000000"),
		bad("/windowed?limit=101", "query.limit"),
		ok("/keyed", "false 0 20 0"),
		ok("/keyed?page=3&page_size=100", "false 200 100 0"),
		bad("/keyed?page_size=101", "query.page_size: must be at most 100 without after"),
		bad("/keyed?page_size=1001", "query.page_size: must be at most 1000"),
		ok("/keyed?page_size=1000&after="+after, "true 0 1000 9007199254740993"),
		bad("/keyed?page=2&after="+after, "query.page: must not be given together with after"),
		bad("/keyed?after=nonsense", "query.after"),
		bad("/keyed?after="+web.EncodeCursor(map[string]any{"Other": 1}), "query.after"),
		bad("/keyed?after="+after+after, "query.after"),
		bad("/keyed?after="+strings.Repeat("a", 2000), "query.after"),
	})
}
