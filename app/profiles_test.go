package app_test

import (
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// Profiles are at the port that was asked for, and never at that of the API.
func TestServe_ProfilesHaveAPortOfTheirOwn(t *testing.T) {
	t.Parallel()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	addr := free.Addr().String()
	require.NoError(t, free.Close())
	u := up(t, home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse", "PPROF_ADDR="+addr), t.TempDir())
	defer u.stop(t)
	for url, status := range map[string]int{
		"http://" + addr + "/debug/pprof/heap":   http.StatusOK,
		u.result.URL + "/debug/pprof/heap":       http.StatusNotFound,
		u.result.URL + "/debug/pprof/":           http.StatusNotFound,
		"http://" + addr + "/api/v2/health":      http.StatusNotFound,
		"http://" + addr + "/api/v2/collections": http.StatusNotFound,
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		_ = response.Body.Close()
		require.Equal(t, status, response.StatusCode, url)
	}
}
