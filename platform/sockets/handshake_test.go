package sockets_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"semantik/platform/sockets"
)

func TestHandshake_WhoMayNotIsRefusedWithAProblem(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	port := w.addr[strings.LastIndex(w.addr, ":"):]
	const good = "access_token.alice7"
	for name, c := range map[string]struct {
		path      string
		headers   http.Header
		protocols []string
		status    int
		code      string
	}{
		"no token":                        {status: 403, code: "socket_token_missing"},
		"an empty token":                  {protocols: []string{"access_token."}, status: 403, code: "socket_token_missing"},
		"a bad token":                     {protocols: []string{"access_token.nonsense"}, status: 403, code: "token_invalid"},
		"a token in another subprotocol":  {protocols: []string{"token.alice7"}, status: 403, code: "socket_token_missing"},
		"two different tokens":            {protocols: []string{good, "access_token.alice8"}, status: 403, code: "socket_token_missing"},
		"a token that is too long":        {path: "/ws/things/any?token=" + strings.Repeat("a", 9000), status: 403, code: "socket_token_missing"},
		"two tokens in the query":         {path: "/ws/things/any?token=alice7&token=alice7", status: 403, code: "socket_token_missing"},
		"a bad token in the query":        {path: "/ws/things/any?token=nonsense", status: 403, code: "token_invalid"},
		"a bad one although another good": {path: "/ws/things/any?token=alice7", protocols: []string{"access_token.nonsense"}, status: 403, code: "token_invalid"},
		"a header is no way":              {headers: http.Header{"Authorization": {"Bearer alice7"}}, status: 403, code: "socket_token_missing"},
		"who was deactivated":             {protocols: []string{"access_token.inactive"}, status: 403, code: "inactive_user"},
		"who cannot be told now":          {protocols: []string{"access_token.undecided"}, status: 503, code: "database_unavailable"},
		"what there is not":               {path: "/ws/things/hidden", protocols: []string{good}, status: 403, code: "thing_not_found"},
		"another origin":                  {headers: origin("https://evil.example"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"another port":                    {headers: origin("http://127.0.0.1:1"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"another name for it":             {headers: origin("http://localhost" + port), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"a listed host by another scheme": {headers: origin("http://console.example"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"a listed host as a beginning":    {headers: origin("https://console.example.evil.example"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"its own as a user name":          {headers: origin("http://" + w.addr + "@evil.example"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"its own with a path":             {headers: origin("http://" + w.addr + "/"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"its own by another protocol":     {headers: origin("ftp://" + w.addr), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"the origin of nowhere":           {headers: origin("null"), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"no origin at all":                {headers: origin(""), protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"two origins":                     {headers: http.Header{"Origin": {"http://" + w.addr, "http://" + w.addr}}, protocols: []string{good}, status: 403, code: "origin_not_allowed"},
		"an origin comes before a token":  {headers: origin("https://evil.example"), status: 403, code: "origin_not_allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			path := c.path
			if path == "" {
				path = "/ws/things/any"
			}
			conn, a := w.dial(path, c.headers, c.protocols...)
			require.Nil(t, conn)
			require.Equal(t, c.status, a.status)
			require.Equal(t, "application/problem+json", a.header.Get("Content-Type"))
			require.Contains(t, a.body, `"code":"`+c.code+`"`)
			require.NotContains(t, a.body, "alice7")
		})
	}
	require.Empty(t, w.feeds)
}

func origin(o string) http.Header { return http.Header{"Origin": {o}} }

func TestHandshake_WhoMayIsLetInAndTheSubprotocolIsEchoed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	const good = "access_token.alice7"
	for name, c := range map[string]struct {
		path      string
		headers   http.Header
		protocols []string
		echo      string
	}{
		"by a subprotocol":    {protocols: []string{good}, echo: good},
		"one of several":      {protocols: []string{"chat", good, "other"}, echo: good},
		"the same twice":      {protocols: []string{good, good}, echo: good},
		"by the query":        {path: "/ws/things/any?token=alice7"},
		"by both":             {path: "/ws/things/any?token=nonsense", protocols: []string{good}, echo: good},
		"a trailing slash":    {path: "/ws/things/any/", protocols: []string{good}, echo: good},
		"from a listed page":  {headers: origin("https://console.example"), protocols: []string{good}, echo: good},
		"from its own page":   {headers: origin("http://" + w.addr), protocols: []string{good}, echo: good},
		"through a TLS proxy": {headers: http.Header{"Origin": {"https://semantik.example"}, "Host": {"semantik.example"}}, protocols: []string{good}, echo: good},
	} {
		t.Run(name, func(t *testing.T) {
			w.t = t
			path := c.path
			if path == "" {
				path = "/ws/things/any"
			}
			conn, a := w.dial(path, c.headers, c.protocols...)
			require.NotNil(t, conn, a.body)
			require.Equal(t, 101, a.status)
			require.Equal(t, c.echo, conn.Subprotocol())
			f := <-w.feeds
			_ = conn.CloseNow()
			<-f.closed
		})
	}
}

func TestHandshake_WhatIsNoUpgradeIsToldSo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{})
	get := func(change func(*http.Request)) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+w.addr+"/ws/things/any?token=alice7", nil)
		require.NoError(t, err)
		for name, value := range map[string]string{
			"Connection": "keep-alive, Upgrade", "Upgrade": "WebSocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "MDEyMzQ1Njc4OWFiY2RlZg==",
		} {
			r.Header.Set(name, value)
		}
		change(r)
		transport := &http.Transport{}
		defer transport.CloseIdleConnections()
		response, err := transport.RoundTrip(r)
		require.NoError(t, err)
		_ = response.Body.Close()
		return answer{status: response.StatusCode, header: response.Header}
	}
	require.Equal(t, 101, get(func(*http.Request) {}).status)
	for name, change := range map[string]func(*http.Request){
		"no connection":    func(r *http.Request) { r.Header.Del("Connection") },
		"no upgrade":       func(r *http.Request) { r.Header.Del("Upgrade") },
		"another protocol": func(r *http.Request) { r.Header.Set("Upgrade", "h2c") },
		"an old version":   func(r *http.Request) { r.Header.Set("Sec-WebSocket-Version", "8") },
		"no key":           func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") },
		"a short key":      func(r *http.Request) { r.Header.Set("Sec-WebSocket-Key", "MDEy") },
		"two keys":         func(r *http.Request) { r.Header.Add("Sec-WebSocket-Key", "MDEyMzQ1Njc4OWFiY2RlZg==") },
		"HEAD":             func(r *http.Request) { r.Method = http.MethodHead },
	} {
		a := get(change)
		require.Equal(t, 426, a.status, name)
		require.Equal(t, "websocket", a.header.Get("Upgrade"), name)
	}
	require.Equal(t, 405, get(func(r *http.Request) { r.Method = http.MethodPost }).status)
}

func TestHandshake_OnlySoManySocketsAUserAndInAll(t *testing.T) {
	t.Parallel()
	w := newWorld(t, sockets.Config{PerUser: 10, Total: 15})
	var mu sync.Mutex
	var opened []*websocket.Conn
	codes := map[string]int{}
	// race opens as many at once and counts what becomes of them.
	race := func(tokens ...string) {
		codes, opened = map[string]int{}, nil
		var together sync.WaitGroup
		for _, token := range tokens {
			together.Go(func() {
				conn, a := w.dial("/ws/things/any", nil, "access_token."+token)
				mu.Lock()
				defer mu.Unlock()
				if conn != nil {
					opened = append(opened, conn)
					codes["opened"]++
					return
				}
				if a.status == http.StatusForbidden {
					codes[between(a.body, `"code":"`, `"`)]++
				}
			})
		}
		together.Wait()
	}
	same := make([]string, 30)
	for i := range same {
		same[i] = "alice1"
	}
	race(same...)
	require.Equal(t, map[string]int{"opened": 10, "too_many_sockets": 20}, codes)
	first := opened[0]
	race("alice2", "alice3", "alice4", "alice5", "alice6", "alice8", "alice9")
	require.Equal(t, map[string]int{"opened": 5, "sockets_exhausted": 2}, codes)
	race("alice1")
	require.Equal(t, map[string]int{"too_many_sockets": 1}, codes)

	_ = first.Close(websocket.StatusNormalClosure, "")
	require.Eventually(t, func() bool { return w.hub.Count() == 14 }, patience, 1e6)
	race("alice1")
	require.Equal(t, map[string]int{"opened": 1}, codes, "a place that was left is free")
	require.Equal(t, 15, w.hub.Count())
}

func between(s, begin, end string) string {
	_, s, _ = strings.Cut(s, begin)
	s, _, _ = strings.Cut(s, end)
	return s
}
