package web_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/ratelimit"
	"semantik/platform/web"
)

// perHour is a rate that does not fill again while a test runs.
func perHour(n int) ratelimit.Rate { return ratelimit.Rate{Count: n, Per: 100 * time.Hour} }

func limited(general int) web.Config {
	return web.Config{
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")},
		Limits: web.Limits{
			General: perHour(general), Classes: map[string]ratelimit.Rate{"search": perHour(2), "login": perHour(3)},
			Gates: map[string]ratelimit.GateConfig{"bulk": {Places: 2, Each: 1, Waiting: 1, Patience: 20 * time.Millisecond}},
		},
	}
}

type namedInput struct {
	Body struct {
		Name string `json:"name"`
	}
}

func limitedRoutes(api huma.API) {
	routes(api)
	register := func(method, path string, security []map[string][]string, metadata map[string]any) {
		web.Register(api, huma.Operation{Method: method, Path: path, Security: security, Metadata: metadata},
			func(context.Context, *struct{}) (*textOutput, error) { return said("done"), nil })
	}
	register(http.MethodGet, "/search", web.Bearer(), web.Limit("search"))
	register(http.MethodGet, "/uncounted", nil, web.Unlimited())
	web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/login", Metadata: web.Limit("login")},
		func(ctx context.Context, in *namedInput) (*textOutput, error) {
			return said("done"), web.CountAgainst(ctx, "login", in.Body.Name)
		})
}

// from is a header that says where a request comes from.
func from(address string) map[string]string { return map[string]string{"X-Forwarded-For": address} }

// as is a header for somebody with a token.
func as(token, address string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token, "X-Forwarded-For": address}
}

func requireLimit(t *testing.T, a answer, limit, remaining int) {
	t.Helper()
	require.Equal(t, strconv.Itoa(limit), a.header.Get("X-Ratelimit-Limit"))
	require.Equal(t, strconv.Itoa(remaining), a.header.Get("X-Ratelimit-Remaining"))
	reset, err := strconv.ParseInt(a.header.Get("X-Ratelimit-Reset"), 10, 64)
	require.NoError(t, err)
	require.Greater(t, reset, time.Now().Add(-time.Second).Unix(), "in seconds since 1970")
	require.Less(t, reset, time.Now().Add(101*time.Hour).Unix())
}

func TestLimits_EveryAnswerSaysHowItStandsAndARefusalWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(3), nil, limitedRoutes)
	for left := 2; left >= 0; left-- {
		a := w.do(t, scenario{path: "/me", header: as("alice", "192.0.2.1")})
		require.Equal(t, 200, a.status)
		requireLimit(t, a, 3, left)
	}
	a := w.do(t, scenario{path: "/me", header: as("alice", "192.0.2.1")})
	require.Equal(t, http.StatusTooManyRequests, a.status)
	requireLimit(t, a, 3, 0)
	requireStandard(t, a)
	p := a.problem(t)
	require.Equal(t, "rate_limit_exceeded", p["error"])
	require.Equal(t, "rate_limit_exceeded", p["code"])
	require.Equal(t, "3 per 100h0m0s", p["limit"])
	require.Equal(t, a.header.Get("Retry-After"), fmt.Sprint(p["retry_after"]))
	require.Contains(t, p["detail"], "Try again in "+a.header.Get("Retry-After")+" seconds")

	require.Equal(t, 429, w.do(t, scenario{path: "/me", header: as("alice", "192.0.2.2")}).status, "a user counts wherever they are")
	a = w.do(t, scenario{path: "/public", header: from("192.0.2.1")})
	require.Equal(t, 200, a.status, "and does not count for others at the same address")
	requireLimit(t, a, 3, 2)
	a = w.do(t, scenario{path: "/names/x?since=nonsense", header: from("192.0.2.1")})
	require.Equal(t, 422, a.status)
	requireLimit(t, a, 3, 1)
	require.Empty(t, w.do(t, scenario{path: "/uncounted", header: from("192.0.2.1")}).header.Get("X-Ratelimit-Limit"))
	require.Empty(t, w.do(t, scenario{path: "/health", header: from("192.0.2.1")}).header.Get("X-Ratelimit-Limit"))
}

// What is no operation of the API counts too, whoever asks: the description, its
// page, and what is not there.
func TestLimits_WhatIsNoOperationCountsForTheAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(1), nil, limitedRoutes)
	for i, c := range []scenario{
		{path: "/openapi.json"}, {path: "/openapi.yaml"}, {path: "/docs"}, {path: "/docs/page.css"},
		{path: "/docs/nope"}, {path: "/docs", method: http.MethodPost},
		{path: "/wp-login.php"}, {path: "/public", method: http.MethodDelete}, {path: "/public%00"},
	} {
		c.header = as("alice", fmt.Sprintf("192.0.2.%d", i))
		first := w.do(t, c)
		require.Less(t, first.status, 429, c.path)
		requireLimit(t, first, 1, 0)
		second := w.do(t, c)
		require.Equal(t, http.StatusTooManyRequests, second.status, c.path)
		require.NotEmpty(t, second.header.Get("Retry-After"))
		requireLimit(t, second, 1, 0)
		require.Equal(t, 200, w.do(t, scenario{path: "/public", header: c.header}).status, "apart from the API")
	}
}

func TestLimits_ARouteMayHaveOneOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(10), nil, limitedRoutes)
	for left := 1; left >= 0; left-- {
		a := w.do(t, scenario{path: "/search", header: as("alice", "192.0.2.1")})
		require.Equal(t, 200, a.status)
		requireLimit(t, a, 2, left)
	}
	a := w.do(t, scenario{path: "/search", header: as("alice", "192.0.2.1")})
	require.Equal(t, 429, a.status)
	requireLimit(t, a, 2, 0)
	requireLimit(t, w.do(t, scenario{path: "/me", header: as("alice", "192.0.2.1")}), 10, 6)

	login := func(address, name string) int {
		return w.do(t, scenario{method: http.MethodPost, path: "/login", body: `{"name":"` + name + `"}`, header: from(address)}).status
	}
	for i := range 3 {
		require.Equal(t, 200, login("192.0.2.7", fmt.Sprint("name", i)))
	}
	require.Equal(t, 429, login("192.0.2.7", "another"), "many names from one address")
	for i := range 3 {
		require.Equal(t, 200, login(fmt.Sprint("192.0.2.", 100+i), "alice"))
	}
	require.Equal(t, 429, login("192.0.2.200", "alice"), "one name from many addresses")
	require.Equal(t, 200, login("192.0.2.200", "bob"))
}

func TestLimits_AnUnknownLimitIsFoundAtTheStart(t *testing.T) {
	t.Parallel()
	server := web.New(limited(10), web.Deps{})
	web.Register(server.API(), huma.Operation{Method: http.MethodGet, Path: "/x", Metadata: web.Limit("serach")},
		func(context.Context, *struct{}) (*textOutput, error) { return said(""), nil })
	require.PanicsWithValue(t, `web: the operation get-x counts against the limit "serach", which is not configured`, func() { _, _, _ = server.OpenAPI() })
}

// askedPeople counts how often it is asked.
type askedPeople struct {
	people

	asked atomic.Int64
}

func (p *askedPeople) Authenticate(ctx context.Context, token string) (auth.Identity, error) {
	p.asked.Add(1)
	return p.people.Authenticate(ctx, token)
}

func TestLimits_AFloodOfBadTokensIsStoppedBeforeAnybodyLooksThemUp(t *testing.T) {
	t.Parallel()
	who := &askedPeople{}
	server := web.New(limited(20), web.Deps{Logger: slog.New(slog.DiscardHandler), Authenticator: who})
	limitedRoutes(server.API())
	ask := func(path, token, address string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.RemoteAddr = address + ":4711"
		r.Header.Set("Authorization", "Bearer "+token)
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		return answer
	}
	const here, there = "192.0.2.1", "192.0.2.2"
	require.Equal(t, 200, ask("/me", "alice", here).Code)
	statuses := map[int]int{}
	for i := range 500 {
		statuses[ask("/me", fmt.Sprint("guess", i), here).Code]++
	}
	require.Equal(t, map[int]int{401: 20, 429: 480}, statuses)
	require.EqualValues(t, 21, who.asked.Load())

	for range 10 {
		require.Equal(t, 200, ask("/me", "alice", here).Code, "whose token is known to be good is not held up by it")
	}
	require.Equal(t, 200, ask("/me", "alice", there).Code)
	require.Equal(t, 401, ask("/me", "guess", there).Code)
	for range 30 {
		ask("/me", "inactive", "192.0.2.3")
	}
	require.Equal(t, 429, ask("/me", "inactive", "192.0.2.3").Code)
}

func TestLimits_ManyGoodTokensFromOneAddressAreNoFlood(t *testing.T) {
	t.Parallel()
	server := web.New(limited(20), web.Deps{Logger: slog.New(slog.DiscardHandler), Authenticator: anybody{}})
	limitedRoutes(server.API())
	for i := range 200 {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/me", nil)
		r.Header.Set("Authorization", "Bearer "+strconv.Itoa(i+1))
		answer := httptest.NewRecorder()
		server.ServeHTTP(answer, r)
		require.Equal(t, 200, answer.Code)
		require.Equal(t, "19", answer.Header().Get("X-Ratelimit-Remaining"))
	}
}

// anybody is whose number the token is.
type anybody struct{}

func (anybody) Authenticate(_ context.Context, token string) (auth.Identity, error) {
	id, err := strconv.ParseInt(token, 10, 64)
	if err != nil {
		return auth.Identity{}, auth.ErrTokenInvalid
	}
	return auth.Identity{UserID: id, Username: token}, nil
}

func TestLimits_WithoutARateNobodyIsLimited(t *testing.T) {
	t.Parallel()
	config := limited(0)
	w := newWorld(t, config, nil, limitedRoutes)
	for range 20 {
		a := w.do(t, scenario{path: "/search", header: as("alice", "192.0.2.1")})
		require.Equal(t, 200, a.status)
		require.Empty(t, a.header.Get("X-Ratelimit-Limit"))
		require.Equal(t, 200, w.do(t, scenario{method: http.MethodPost, path: "/login", body: `{"name":"alice"}`}).status)
	}
}

// brokenLimiter cannot tell.
type brokenLimiter struct{}

func (brokenLimiter) Take(context.Context, ratelimit.Key, ratelimit.Rate) (ratelimit.Result, error) {
	return ratelimit.Result{}, apperr.New(apperr.Unavailable, "counter_away", "The counter is away.")
}

func (brokenLimiter) Give(context.Context, ratelimit.Key, ratelimit.Rate) error { return nil }

func TestLimits_ALimiterThatCannotTellIsNoLeave(t *testing.T) {
	t.Parallel()
	server := web.New(limited(20), web.Deps{Logger: slog.New(slog.DiscardHandler), Authenticator: people{}, Limiter: brokenLimiter{}})
	limitedRoutes(server.API())
	answer := httptest.NewRecorder()
	server.ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/public", nil))
	require.Equal(t, 503, answer.Code)
	require.NotEmpty(t, answer.Header().Get("Retry-After"))
}

func TestLimits_BulkIsBoundedByHowMuchGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	entered, goOn := make(chan struct{}), make(chan struct{})
	w := newWorld(t, limited(2), nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodPut, Path: "/bulk", Security: web.Bearer(), Metadata: web.Bulk("bulk")},
			func(context.Context, *struct{}) (*textOutput, error) {
				entered <- struct{}{}
				<-goOn
				return said("done"), nil
			})
	})
	bulk := func() answer {
		return w.do(t, scenario{method: http.MethodPut, path: "/bulk", header: as("alice", "192.0.2.1")})
	}
	for range 5 { // more than the general limit
		var group sync.WaitGroup
		group.Go(func() {
			a := bulk()
			require.Equal(t, 200, a.status)
			require.Empty(t, a.header.Get("X-Ratelimit-Limit"))
		})
		<-entered
		a := bulk()
		require.Equal(t, 503, a.status)
		require.Equal(t, "too_many_at_once", a.problem(t)["code"])
		require.NotEmpty(t, a.header.Get("Retry-After"))
		goOn <- struct{}{}
		group.Wait()
	}
	for range 2 {
		require.Equal(t, 401, w.do(t, scenario{method: http.MethodPut, path: "/bulk", header: as("guess", "192.0.2.9")}).status)
	}
	require.Equal(t, 429, w.do(t, scenario{method: http.MethodPut, path: "/bulk", header: as("guess", "192.0.2.9")}).status, "bad tokens count")
}

func TestClient_WhereARequestComesFrom(t *testing.T) {
	t.Parallel()
	logs := &logBuffer{}
	server := web.New(limited(1000), web.Deps{Logger: slog.New(slog.NewJSONHandler(logs, nil)), Authenticator: people{}})
	routes(server.API())
	many := func(n int, one string) string { return strings.Repeat(one+",", n) + one }
	for name, c := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"nobody says anything":              {"192.0.2.1:1", nil, "192.0.2.1"},
		"a stranger is not believed":        {"192.0.2.1:1", []string{"203.0.113.1"}, "192.0.2.1"},
		"a trusted proxy is":                {"10.0.0.1:1", []string{"203.0.113.1"}, "203.0.113.1"},
		"what the client wrote is not":      {"10.0.0.1:1", []string{"127.0.0.1, 10.9.9.9, 203.0.113.1"}, "203.0.113.1"},
		"several proxies":                   {"10.0.0.1:1", []string{"8.8.8.8, 203.0.113.1, 10.0.0.3,10.0.0.2"}, "203.0.113.1"},
		"several headers are one list":      {"10.0.0.1:1", []string{"8.8.8.8", "203.0.113.1, 10.0.0.3", "10.0.0.2"}, "203.0.113.1"},
		"all are proxies":                   {"10.0.0.1:1", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3"},
		"nothing":                           {"10.0.0.1:1", []string{""}, "10.0.0.1"},
		"a comma":                           {"10.0.0.1:1", []string{","}, "10.0.0.1"},
		"nonsense on the right":             {"10.0.0.1:1", []string{"203.0.113.1, unknown"}, "10.0.0.1"},
		"nonsense behind a proxy":           {"10.0.0.1:1", []string{"203.0.113.1, <script>, 10.0.0.2"}, "10.0.0.2"},
		"nonsense on the left":              {"10.0.0.1:1", []string{"nonsense, 203.0.113.1"}, "203.0.113.1"},
		"a port":                            {"10.0.0.1:1", []string{"203.0.113.1:4711"}, "203.0.113.1"},
		"IPv6":                              {"10.0.0.1:1", []string{"2001:DB8::1"}, "2001:db8::1"},
		"IPv6 in brackets with a port":      {"10.0.0.1:1", []string{`"[2001:db8::1]:4711"`}, "2001:db8::1"},
		"IPv6 in brackets":                  {"10.0.0.1:1", []string{"[2001:db8::1]"}, "2001:db8::1"},
		"a zone":                            {"[fe80::1%eth0]:1", nil, "fe80::1"},
		"a zone behind a proxy":             {"[fd00::1]:1", []string{"fe80::2%25eth0"}, "fe80::2"},
		"IPv4 in IPv6":                      {"[::ffff:10.0.0.1]:1", []string{"::ffff:203.0.113.1"}, "203.0.113.1"},
		"a name":                            {"10.0.0.1:1", []string{"client.example.com"}, "10.0.0.1"},
		"an address with leading zeros":     {"10.0.0.1:1", []string{"203.0.113.01"}, "10.0.0.1"},
		"a number":                          {"10.0.0.1:1", []string{"3405803777"}, "10.0.0.1"},
		"a network":                         {"10.0.0.1:1", []string{"203.0.113.1/32"}, "10.0.0.1"},
		"an endless element":                {"10.0.0.1:1", []string{strings.Repeat("9", 60_000)}, "10.0.0.1"},
		"a list without end":                {"10.0.0.1:1", []string{many(10_000, "10.0.0.9")}, "10.0.0.9"},
		"somebody before a list of proxies": {"10.0.0.1:1", []string{"203.0.113.1," + many(100, "10.0.0.9")}, "10.0.0.9"},
		"a socket":                          {"@", []string{"203.0.113.1"}, "@"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/me", nil)
			r.RemoteAddr = c.peer
			r.Header.Set("Authorization", "Bearer alice")
			r.Header["X-Forwarded-For"] = c.forwarded
			answer := httptest.NewRecorder()
			server.ServeHTTP(answer, r)
			require.Equal(t, 200, answer.Code)
			require.Contains(t, answer.Body.String(), `"alice `+c.want+`"`)
			require.Equal(t, c.forwarded, r.Header["X-Forwarded-For"], "the header is left as it is")
		})
	}
	require.Empty(t, logs.lines(t, "a request came through a proxy that is not trusted, so all its clients count as one; if the proxy is yours, set TRUSTED_PROXIES"))
}

func TestClient_AProxyThatIsNotTrustedIsToldToTheOperatorOnce(t *testing.T) {
	t.Parallel()
	logs := &logBuffer{}
	config := limited(1000)
	config.TrustedProxies = nil
	server := web.New(config, web.Deps{Logger: slog.New(slog.NewJSONHandler(logs, nil))})
	routes(server.API())
	for _, peer := range []string{"192.0.2.1:1", "10.0.0.1:1", "172.16.0.1:1"} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/public", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-For", "203.0.113.1")
		server.ServeHTTP(httptest.NewRecorder(), r)
	}
	require.Equal(t, 1, strings.Count(logs.String(), "set TRUSTED_PROXIES"))
	require.Contains(t, logs.String(), `"proxy":"10.0.0.1"`)
}
