package database

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
)

// asideKey is where [DB.Aside] leaves its connection.
type asideKey struct{}

type asideConn struct {
	db   *DB
	conn *pgx.Conn
}

// Aside runs fn with a connection of its own beside the pool, on which [DB.Querier] of the
// context works: for a look at the database that takes nobody's place and is not kept
// waiting by a pool that is used up. It ends with ctx, whose deadline bounds the
// connecting and is each statement's limit too; without one a statement takes as long as it
// takes. fn begins no unit of work.
func (db *DB) Aside(ctx context.Context, name string, fn func(ctx context.Context) error) error {
	config := db.pool.Config().ConnConfig
	if config.RuntimeParams["statement_timeout"] != "" { // it is not behind PgBouncer
		config.RuntimeParams["application_name"] = name
		config.RuntimeParams["statement_timeout"] = "0"
		if deadline, bounded := ctx.Deadline(); bounded {
			config.RuntimeParams["statement_timeout"] = strconv.FormatInt(max(1, time.Until(deadline).Milliseconds()), 10)
		}
		config.RuntimeParams["lock_timeout"] = "1000"
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return fmt.Errorf("connecting beside the pool: %w", Refusal(err))
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = conn.Close(bounded) // it is given up, whatever becomes of the goodbye
	}()
	return fn(context.WithValue(ctx, asideKey{}, &asideConn{db, conn}))
}

// aside is the connection of [DB.Aside] in the context, nil for none.
func (db *DB) aside(ctx context.Context) *pgx.Conn {
	a, _ := ctx.Value(asideKey{}).(*asideConn)
	if a == nil || a.db != db {
		return nil
	}
	return a.conn
}
