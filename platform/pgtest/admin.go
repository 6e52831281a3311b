package pgtest

import (
	"context"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// admin is the session with the server's maintenance database that a test program keeps,
// since each new one costs as much as a database does.
var admin struct {
	mu   sync.Mutex
	conn *pgx.Conn
	url  string
}

// withAdmin does something in that session. Nobody else does meanwhile. It does not use
// the test's context, which has ended when a database is dropped.
func withAdmin(t testing.TB, server string, do func(ctx context.Context, conn *pgx.Conn)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	admin.mu.Lock()
	defer admin.mu.Unlock()
	if admin.conn != nil && (admin.url != server || admin.conn.IsClosed()) {
		_ = admin.conn.Close(ctx)
		admin.conn = nil
	}
	if admin.conn == nil {
		conn, err := pgx.Connect(ctx, server)
		require.NoError(t, err, "connecting to the test server")
		admin.conn, admin.url = conn, server
	}
	do(ctx, admin.conn)
}

// endAdmin ends the session, if there is one.
func endAdmin() {
	admin.mu.Lock()
	defer admin.mu.Unlock()
	if admin.conn != nil {
		ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
		defer cancel()
		_ = admin.conn.Close(ctx)
		admin.conn = nil
	}
}
