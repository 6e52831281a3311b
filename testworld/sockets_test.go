package testworld_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

// sockets are the addresses of sockets, each with the route that tells the same when it
// is asked.
var sockets = map[string]string{
	"GET /ws/operations":                "GET /api/v2/operations",
	"GET /ws/operations/{operation_id}": "GET /api/v2/operations/{operation_id}",
	"GET /ws/directory-scan/{scan_id}":  "POST /api/v2/directory-scan/preview",
}

// A socket opens for those for whom the route answers that tells the same when it is
// asked, and for nobody else.
func TestPermissions_ASocketOpensForWhoMayReadWhatItCarries(t *testing.T) {
	t.Parallel()
	cast := testworld.NewCast(t)
	cast.AwaitQuiet()
	rows := map[string]testworld.Row{}
	for _, section := range testworld.Matrix() {
		for _, row := range section.Rows {
			rows[row.Route] = row
		}
	}
	for socket, route := range sockets {
		require.Contains(t, rows, route)
		for _, asker := range testworld.Askers {
			t.Run(socket+"/"+string(asker), func(t *testing.T) { openAs(t, cast.In(t), socket, rows[route], asker) })
		}
	}
}

func openAs(t *testing.T, c *testworld.Cast, socket string, row testworld.Row, asker testworld.Asker) {
	t.Helper()
	m := c.Matter(asker)
	var protocols []string
	if token := strings.TrimPrefix(c.Scenario(row, asker, m).Token, "Bearer "); token != "" {
		protocols = []string{"access_token." + token}
	}
	path := strings.NewReplacer("{operation_id}", m.Operation.String(), "{scan_id}", uuid.NewString()).Replace(strings.TrimPrefix(socket, "GET "))
	conn, a := c.Handshake(path, nil, protocols...)
	if row.Status(asker) == http.StatusOK {
		require.NotNil(t, conn, a.Body)
		_ = conn.CloseNow()
		return
	}
	require.Nil(t, conn)
	require.Equal(t, http.StatusForbidden, a.Status)
	require.NotContains(t, a.Body, testworld.Secret)
}
