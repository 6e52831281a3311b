package client_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/app/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// serve answers each request by the next of the handlers, and the last of them
// from then on.
func serve(t *testing.T, handlers ...http.HandlerFunc) string {
	t.Helper()
	var mu sync.Mutex
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		handler := handlers[0]
		if len(handlers) > 1 {
			handlers = handlers[1:]
		}
		mu.Unlock()
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func problem(status int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"detail":"Come back later.","code":"later","correlation_id":"abc-123"}`)
	}
}

func answer(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, body)
	}
}

// newClient notes how long it was asked to wait instead of waiting.
func newClient(t *testing.T, server string, o client.Options) (*client.Client, *[]time.Duration) {
	t.Helper()
	var waits []time.Duration
	o.Wait = func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}
	c := client.New(server, o)
	t.Cleanup(c.Close)
	return c, &waits
}

func TestClient_WaitsAsLongAsTheServerSays(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusServiceUnavailable, http.StatusTooManyRequests} {
		c, waits := newClient(t, serve(t, problem(status, "Retry-After", "7"), problem(status, "Retry-After", "9999"), answer(`{"username":"ada"}`)), client.Options{})
		me, err := c.Me(t.Context())
		require.NoError(t, err)
		require.Equal(t, "ada", me.Username)
		require.Equal(t, []time.Duration{7 * time.Second, 30 * time.Second}, *waits, "a pause is bounded")
	}
}

func TestClient_GivesUpAfterItsTries(t *testing.T) {
	t.Parallel()
	c, waits := newClient(t, serve(t, problem(http.StatusServiceUnavailable)), client.Options{Tries: 4})
	_, err := c.Me(t.Context())
	var p *client.Problem
	require.ErrorAs(t, err, &p)
	require.Equal(t, http.StatusServiceUnavailable, p.Status)
	require.EqualError(t, err, "Come back later. (correlation id abc-123)")
	require.Len(t, *waits, 3)
}

func TestClient_NeverRepeatsWhatMakesSomething(t *testing.T) {
	t.Parallel()
	c, waits := newClient(t, serve(t, problem(http.StatusServiceUnavailable), answer(`{}`)), client.Options{})
	_, err := c.CreateCollection(t.Context(), client.NewCollection{Name: "notes"})
	require.Error(t, err)
	require.Empty(t, *waits)
}

func TestClient_DoesNotRepeatWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusInternalServerError} {
		c, waits := newClient(t, serve(t, problem(status), answer(`{}`)), client.Options{})
		_, err := c.Me(t.Context())
		require.Error(t, err)
		require.Empty(t, *waits)
	}
}

func TestClient_TakesTheNextTokenWhenOneIsRefused(t *testing.T) {
	t.Parallel()
	var sent []string
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		sent = append(sent, r.Header.Get("Authorization"))
		if len(sent) < 2 {
			problem(http.StatusUnauthorized)(w, r)
			return
		}
		answer(`{"username":"ada"}`)(w, r)
	})
	c, _ := newClient(t, server, client.Options{Token: func(_ context.Context, refused string) (string, error) {
		if refused == "old" {
			return "new", nil
		}
		return "old", nil
	}})
	_, err := c.Me(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"Bearer old", "Bearer new"}, sent)
}

func TestClient_EndsWhenNoTokenIsTaken(t *testing.T) {
	t.Parallel()
	requests := 0
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		problem(http.StatusUnauthorized)(w, r)
	})
	c, _ := newClient(t, server, client.Options{Token: func(_ context.Context, refused string) (string, error) { return refused + "x", nil }})
	_, err := c.Me(t.Context())
	require.Error(t, err)
	require.Equal(t, 4, requests, "a source of ever new tokens is not asked for ever")
}

func TestClient_SaysWhenTheServerIsNotThere(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	c, waits := newClient(t, server.URL, client.Options{})
	_, err := c.Me(t.Context())
	var away *client.UnreachableError
	require.ErrorAs(t, err, &away)
	require.Equal(t, server.URL, away.Server)
	require.Empty(t, *waits, "a server that never answered is not waited for")
}

func TestClient_ComesBackToAServerThatBrokeOff(t *testing.T) {
	t.Parallel()
	hangUp := func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			_ = conn.Close()
		}
	}
	c, waits := newClient(t, serve(t, hangUp, hangUp, answer(`{"username":"ada"}`)), client.Options{})
	_, err := c.Me(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, *waits)
}

func TestClient_EndsACallInWhichNothingMoves(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	server := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	c, _ := newClient(t, server, client.Options{Idle: 20 * time.Millisecond, Tries: 1})
	_, err := c.Me(t.Context())
	var away *client.UnreachableError
	require.ErrorAs(t, err, &away)
}

func TestClient_DoesNotFollowARedirectWithItsToken(t *testing.T) {
	t.Parallel()
	elsewhere := serve(t, func(_ http.ResponseWriter, _ *http.Request) { t.Error("the token went elsewhere") })
	c, _ := newClient(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, elsewhere, http.StatusTemporaryRedirect)
	}), client.Options{Token: client.StaticToken("secret")})
	_, err := c.Me(t.Context())
	require.Error(t, err)
}

func TestClient_AnAnswerThatIsNoneOfOurs(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, serve(t, answer("<html>Sign in to the hotel's network</html>")), client.Options{})
	_, err := c.Me(t.Context())
	require.ErrorContains(t, err, "perhaps no Semantik")
}

func TestClient_ReadsEveryPage(t *testing.T) {
	t.Parallel()
	c, _ := newClient(t, serve(t, answer(`{"collections":[{"name":"a"},{"name":"b"}],"total":3}`), answer(`{"collections":[{"name":"c"}],"total":3}`)), client.Options{})
	var names []string
	for collection, err := range c.Collections(t.Context(), client.CollectionFilter{}) {
		require.NoError(t, err)
		names = append(names, collection.Value.Name)
	}
	require.Equal(t, []string{"a", "b", "c"}, names)
}

func content(text string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader([]byte(text))), nil }
}

// What stands in a file's name cannot end the form or become another name.
func TestClient_UploadsFilesUnderAnyName(t *testing.T) {
	t.Parallel()
	names := []string{"plain.txt", `quote".txt`, `back\slash.txt`, "line\nbreak.txt", "\x1b[31m.txt", "häuser.md", "日本/語.txt", "a;filename=b.txt", "per%cent.txt"}
	got := map[string]string{}
	server := serve(t, func(w http.ResponseWriter, r *http.Request) {
		form, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			part, err := form.NextRawPart()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Error(err)
				return
			}
			text, _ := io.ReadAll(part)
			_, parameters, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
			if err != nil {
				t.Error(err)
			}
			got[parameters["filename"]] = string(text)
		}
		_, _ = io.WriteString(w, `{"documents":[{},{},{},{},{},{},{},{},{}],"operation_id":"op"}`)
	})
	c, _ := newClient(t, server, client.Options{})
	var files []client.File
	want := map[string]string{"": "source"}
	for _, name := range names {
		files = append(files, client.File{Path: name, Open: content("text of " + name), Size: int64(len("text of " + name))})
		want[name] = "text of " + name
	}
	uploaded, operation, err := c.Upload(t.Context(), "id", "source", files)
	require.NoError(t, err)
	require.Len(t, uploaded, len(names))
	require.Equal(t, "op", operation)
	require.Equal(t, want, got)
}

// A try that failed is made again with the whole content.
func TestClient_SendsTheContentAnewAtEachTry(t *testing.T) {
	t.Parallel()
	var lengths []int64
	read := func(next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			n, _ := io.Copy(io.Discard, r.Body)
			lengths = append(lengths, n)
			next(w, r)
		}
	}
	c, _ := newClient(t, serve(t, read(problem(http.StatusServiceUnavailable)), read(answer(`{"documents":[{}]}`))), client.Options{})
	_, _, err := c.Upload(t.Context(), "id", "s", []client.File{{Path: "a", Open: content("hello"), Size: -1}})
	require.NoError(t, err)
	require.Len(t, lengths, 2)
	require.Equal(t, lengths[0], lengths[1])
}

func TestClient_AFileThatCannotBeReadIsNotTheServersFault(t *testing.T) {
	t.Parallel()
	broken := errors.New("the disk is broken")
	c, waits := newClient(t, serve(t, answer(`{"documents":[{}]}`)), client.Options{})
	_, _, err := c.Upload(t.Context(), "id", "s", []client.File{{Path: "a", Size: -1, Open: func() (io.ReadCloser, error) {
		return io.NopCloser(io.MultiReader(bytes.NewReader(make([]byte, 1<<16)), failing{broken})), nil
	}}})
	require.ErrorIs(t, err, broken)
	require.Empty(t, *waits)
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestParseServer(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]string{
		"http://127.0.0.1:8080":      "http://127.0.0.1:8080",
		" https://Search.Example/ ":  "https://search.example",
		"https://example.com/search": "https://example.com/search",
		"http://[::1]:8080":          "http://[::1]:8080",
		"127.0.0.1:8080":             "",
		"localhost":                  "",
		"ftp://example.com":          "",
		"http://":                    "",
		"http://user:pw@example.com": "",
		"http://example.com?x=1":     "",
		"http://exa mple.com":        "",
	} {
		got, err := client.ParseServer(raw)
		require.Equal(t, want, got, raw)
		require.Equal(t, want == "", err != nil, raw)
	}
}
