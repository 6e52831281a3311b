package victim

import (
	"context"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

// stopTimeout bounds the end of a server that is told to stop.
const stopTimeout = 20 * time.Second

// Folder is one that PostgreSQL's account may pass through as well, and goes with the test.
func Folder(t testing.TB) string {
	t.Helper()
	folder, err := pgtest.NewFolder(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// StartPostgres starts a PostgreSQL that is this test's alone, and keeps what it writes:
// in the folder, where it goes on after it was ended, at the same URL.
func StartPostgres(t testing.TB, folder string) *postgres.Server {
	t.Helper()
	server, err := postgres.Start(t.Context(), postgres.Options{
		DataDir: folder, BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN"), Extensions: []string{"btree_gin"},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		bounded, cancel := context.WithTimeout(context.Background(), stopTimeout)
		defer cancel()
		_ = server.Stop(bounded)
	})
	return server
}

// KillPostgres ends the server's main process in the middle of whatever it does, and with
// it all others.
func KillPostgres(t testing.TB, s *postgres.Server) {
	t.Helper()
	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	<-s.Done()
	_ = s.Stop(t.Context()) // which gives the folder back
}
