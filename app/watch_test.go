package app_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// The program as it runs: what a worker does is heard over a socket, and a stop cuts
// the socket without a farewell.
func TestUp_OperationsAreWatchedUntilItStops(t *testing.T) {
	t.Parallel()
	u := up(t, home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions)), t.TempDir())
	post := func(path, token string, body any) map[string]any {
		text, err := json.Marshal(body)
		require.NoError(t, err)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, u.result.URL+path, strings.NewReader(string(text)))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+token)
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer func() { _ = response.Body.Close() }()
		var answer map[string]any
		require.NoError(t, json.NewDecoder(response.Body).Decode(&answer))
		require.Less(t, response.StatusCode, 300, answer)
		return answer
	}
	token, _ := post("/api/auth/login", "", map[string]any{"username": u.result.AdminUser, "password": u.result.AdminPassword})["access_token"].(string)
	conn, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(u.result.URL, "http")+"/ws/operations", //nolint:bodyclose // there is none after an upgrade
		&websocket.DialOptions{Subprotocols: []string{"access_token." + token}})
	require.NoError(t, err)
	defer func() { _ = conn.CloseNow() }()
	post("/api/v2/collections", token, map[string]any{"name": "Watched"})
	var types []string
	for len(types) == 0 || types[len(types)-1] != "operation_completed" {
		_, text, err := conn.Read(t.Context())
		require.NoError(t, err)
		var frame struct{ Type string }
		require.NoError(t, json.Unmarshal(text, &frame))
		types = append(types, frame.Type)
	}
	require.Equal(t, []string{"operation_started", "index_completed", "collection_stats", "operation_completed"}, types)
	u.stop(t)
	_, _, err = conn.Read(t.Context())
	require.Error(t, err)
	require.Equal(t, websocket.StatusCode(-1), websocket.CloseStatus(err), "%v", err)
	http.DefaultClient.CloseIdleConnections()
}
