package database

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// serverGrace is how long a server may take to stop a statement that was
// cancelled, before its connection is given up.
const serverGrace = 2 * time.Second

type listeningKey struct{}

// Listening marks the context of a wait for notifications. Such a wait is the
// client's alone, with no statement that PostgreSQL could be asked to stop, so
// that it ends at once when its context does and the connection lives on.
func Listening(ctx context.Context) context.Context {
	return context.WithValue(ctx, listeningKey{}, true)
}

// interrupter ends what a connection is doing when the context of it ends: a
// statement by asking PostgreSQL to stop it, so that the work ends and the
// connection, and with it the rollback, lives on; a wait for notifications by
// not waiting any more.
type interrupter struct {
	pgconn.CancelRequestContextWatcherHandler

	wait      pgconn.DeadlineContextWatcherHandler
	listening bool
}

func newInterrupter(conn *pgconn.PgConn) *interrupter {
	return &interrupter{
		CancelRequestContextWatcherHandler: pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: serverGrace},
		wait:                               pgconn.DeadlineContextWatcherHandler{Conn: conn.Conn()},
	}
}

// HandleCancel is pgx's.
func (i *interrupter) HandleCancel(ctx context.Context) {
	i.listening, _ = ctx.Value(listeningKey{}).(bool)
	if i.listening {
		i.wait.HandleCancel(ctx)
		return
	}
	i.CancelRequestContextWatcherHandler.HandleCancel(ctx)
}

// HandleUnwatchAfterCancel is pgx's.
func (i *interrupter) HandleUnwatchAfterCancel() {
	if i.listening {
		i.wait.HandleUnwatchAfterCancel()
		return
	}
	i.CancelRequestContextWatcherHandler.HandleUnwatchAfterCancel()
}
