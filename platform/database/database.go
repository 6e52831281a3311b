package database

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"semantik/platform/apperr"
)

// DB is the pool with the unit of work. It is safe for concurrent use.
type DB struct {
	config      Config
	pool        *pgxpool.Pool
	sql         *sql.DB
	gorm        *gorm.DB
	constraints map[string]*apperr.Error
	// parents maps the name of a partition's index or constraint to its
	// parent's, see ReadConstraintNames.
	parents atomic.Pointer[map[string]string]
	// refusal is why nothing may be written, see StopWriting.
	refusal atomic.Pointer[apperr.Error]
}

// Open makes the pool and connects once, so that a wrong address shows itself
// at the start. The error never contains a credential.
func Open(ctx context.Context, config Config) (*DB, error) {
	config = config.withDefaults()
	db := &DB{config: config, constraints: map[string]*apperr.Error{}}
	pool, err := openPool(ctx, config, db.prepare)
	if err != nil {
		return nil, err
	}
	db.pool = pool
	for _, c := range config.Constraints {
		maps.Copy(db.constraints, c)
	}
	db.sql = sql.OpenDB(boundedConnector{stdlib.GetPoolConnector(pool), config.PoolTimeout})
	// The pgx pool is the pool: an idle connection kept here too would be lost
	// to everybody else.
	db.sql.SetMaxIdleConns(0)

	db.gorm, err = gorm.Open(postgres.New(postgres.Config{Conn: statementPool{db.sql}}), &gorm.Config{
		SkipDefaultTransaction: true,
		DisableAutomaticPing:   true,
		// A table may have columns that its model has not, and large ones.
		QueryFields: true,
		// Statements are logged by the pgx tracer, errors at the edge.
		Logger: logger.Discard,
		NowFunc: func() time.Time {
			return time.Now().UTC()
		},
	})
	if err != nil {
		db.Close()
		return nil, fmt.Errorf("preparing the object mapper: %w", err)
	}
	if err := db.Ping(ctx); err != nil {
		db.Close()
		if errors.Is(err, ErrPoolExhausted) { // of a pool that nobody uses yet
			return nil, ErrNoAnswer.WithCause(err)
		}
		return nil, Refusal(err)
	}
	return db, nil
}

// Refusal says in plain words why PostgreSQL does not let us in: [ErrRefused],
// [ErrNoDatabase], [ErrUsedUp], [ErrNoAnswer], or the error as it is. pgx's own text repeats
// user and database, once for each way that it tried.
func Refusal(err error) error {
	if pgErr, ok := errors.AsType[*pgconn.PgError](err); ok {
		switch {
		case strings.HasPrefix(pgErr.Code, classAuthorization):
			return ErrRefused.WithCause(err)
		case pgErr.Code == codeNoSuchDatabase:
			return ErrNoDatabase.WithCause(err)
		case pgErr.Code == codeTooManyConnections:
			return ErrUsedUp.WithCause(err)
		}
		return err
	}
	if failed, ok := errors.AsType[*pgconn.ConnectError](err); ok && pgconn.Timeout(failed) {
		return ErrNoAnswer.WithCause(err)
	}
	return err
}

// Lacks reports whether a statement failed of a table, a column or a function that is not
// there.
func Lacks(err error) bool {
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	return ok && slices.Contains([]string{codeUndefinedTable, codeUndefinedColumn, codeUndefinedFunction}, pgErr.Code)
}

// closeTimeout is how long Close waits for connections that are in use. Who closes
// has ended everything that uses them; what is still in use waits for a server
// that does not answer, and the process need not.
const closeTimeout = time.Second

// Close closes the connections, and waits for those in use for a second.
func (db *DB) Close() {
	_ = db.sql.Close() // it holds no connection of its own
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		db.pool.Close()
	}()
	timer := time.NewTimer(closeTimeout)
	defer timer.Stop()
	select {
	case <-closed:
	case <-timer.C:
	}
}

// Pool gives the pgx pool to those who manage connections themselves: the job
// queue and the schema. Modules use [DB.Session], [DB.Querier] and [DB.Tx].
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Session gives GORM on the transaction of the context, or on the pool outside
// a unit of work. Within one that has ended every statement fails with
// [ErrMisuse].
func (db *DB) Session(ctx context.Context) *gorm.DB {
	unit := db.unitOf(ctx)
	if unit == nil {
		return db.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	}
	session := unit.gorm.Session(&gorm.Session{NewDB: true, Context: ctx})
	if err := unit.usable(); err != nil {
		_ = session.AddError(err)
	}
	return session
}
