package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
	"semantik/platform/web"
)

const internalKey = "the-key-that-monitors-share-with-the-server"

// monitored is a route for those who say who they are and for monitors; it answers
// who asks.
func monitored(api huma.API) {
	routes(api)
	web.Register(api, huma.Operation{Method: http.MethodGet, Path: "/monitored", Security: web.BearerOrInternal()},
		func(ctx context.Context, _ *struct{}) (*textOutput, error) {
			id, _ := auth.FromContext(ctx)
			who := []string{id.Username}
			if auth.IsInternal(ctx) {
				who = append(who, "monitor")
			}
			return said("%s", strings.Join(who, "+")), nil
		})
}

func TestInternalKey_LetsInWhoShowsItAndNobodyElse(t *testing.T) {
	t.Parallel()
	const path = "/monitored"
	with := newWorld(t, web.Config{InternalKey: internalKey}, nil, monitored)
	without := newWorld(t, web.Config{}, nil, monitored)
	ask := func(w *world, key, token string) answer {
		header := map[string]string{}
		if key != "-" {
			header["X-Internal-Api-Key"] = key
		}
		if token != "" {
			header["Authorization"] = "Bearer " + token
		}
		return w.do(t, scenario{path: path, header: header})
	}
	for name, c := range map[string]struct {
		w          *world
		key, token string
		status     int
		who        string
	}{
		"the key":                         {with, internalKey, "", 200, "+monitor"},
		"no key":                          {with, "-", "", 401, ""},
		"an empty key":                    {with, "", "", 401, ""},
		"a wrong key":                     {with, internalKey[1:] + "x", "", 401, ""},
		"the beginning of the key":        {with, internalKey[:32], "", 401, ""},
		"the key in capitals":             {with, strings.ToUpper(internalKey), "", 401, ""},
		"a user":                          {with, "-", "alice", 200, "alice"},
		"a user with the key":             {with, internalKey, "alice", 200, "alice+monitor"},
		"a user with a wrong key":         {with, "x", "alice", 200, "alice"},
		"a bad token beside the key":      {with, internalKey, "nonsense", 401, ""},
		"an inactive user beside the key": {with, internalKey, "inactive", 403, ""},
		"where none is set":               {without, internalKey, "", 401, ""},
		"an empty one where none is set":  {without, "", "", 401, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := ask(c.w, c.key, c.token)
			require.Equal(t, c.status, a.status, a.body)
			if c.status == 200 {
				require.Contains(t, a.body, `"`+c.who+`"`)
			}
		})
	}
	t.Run("two keys are none", func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, with.url+path, nil)
		require.NoError(t, err)
		request.Header["X-Internal-Api-Key"] = []string{internalKey, internalKey}
		response, err := with.client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, 401, response.StatusCode)
	})
	t.Run("elsewhere it counts for nothing", func(t *testing.T) {
		a := with.do(t, scenario{path: "/me", header: map[string]string{"X-Internal-Api-Key": internalKey}})
		require.Equal(t, 401, a.status)
	})
	require.NotContains(t, with.logs.String(), internalKey)
}

// A monitor is not held up by what strangers do who come from its address, and its
// guesses count like those of any stranger.
func TestInternalKey_CountsApartFromItsAddress(t *testing.T) {
	t.Parallel()
	config := limited(2)
	config.InternalKey = internalKey
	w := newWorld(t, config, nil, monitored)
	ask := func(key string) answer {
		return w.do(t, scenario{path: "/monitored", header: map[string]string{"X-Internal-Api-Key": key, "X-Forwarded-For": "192.0.2.1"}})
	}
	require.Equal(t, 401, ask("wrong").status)
	require.Equal(t, 401, ask("wrong").status)
	require.Equal(t, http.StatusTooManyRequests, ask("wrong").status)
	require.Equal(t, 200, ask(internalKey).status)
	a := ask(internalKey)
	require.Equal(t, 200, a.status)
	requireLimit(t, a, 2, 0)
	require.Equal(t, http.StatusTooManyRequests, ask(internalKey).status, "it has a limit like everybody")
}
