package database

import (
	"context"
	"database/sql"

	"gorm.io/gorm"
)

// statementPool is what GORM gets for a connection: exactly the four methods of
// [gorm.ConnPool]. A *sql.Conn or *sql.DB given to GORM directly also has
// BeginTx, and then one stray Transaction or Begin anywhere below would begin,
// and commit, a transaction of its own: in a unit of work that ends the whole
// of it in silence. With this wrapper the same call is an error.
type statementPool struct {
	conn gorm.ConnPool
}

var _ gorm.ConnPool = statementPool{}

func (p statementPool) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return p.conn.PrepareContext(ctx, query)
}

func (p statementPool) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return p.conn.ExecContext(ctx, query, args...)
}

func (p statementPool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return p.conn.QueryContext(ctx, query, args...)
}

func (p statementPool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return p.conn.QueryRowContext(ctx, query, args...)
}
