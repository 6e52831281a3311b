package database_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/platform/database"
	"semantik/platform/pgtest"
)

func TestMain(m *testing.M) {
	// One test asks GORM for prepared statements on purpose; GORM's cache of them
	// has a goroutine that nothing ends.
	pgtest.Main(m, goleak.IgnoreTopFunction("gorm.io/gorm/internal/lru.NewLRU[...].func1"))
}

// open makes a database of its own with one table, and opens it.
func open(t *testing.T, change ...func(*database.Config)) *database.DB {
	t.Helper()
	config := database.Config{
		URL:           pgtest.Empty(t),
		MaxConns:      4,
		PoolTimeout:   5 * time.Second,
		RetryLimit:    3,
		RetryInterval: time.Millisecond,
		PrePing:       true,
	}
	for _, f := range change {
		f(&config)
	}
	ctx := context.Background()
	db, err := database.Open(ctx, config)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	_, err = db.Querier(ctx).Exec(ctx, "create table if not exists notes (id bigint generated always as identity primary key, body text not null, constraint uq_notes_body unique (body), constraint ck_notes_body check (body <> 'forbidden'))")
	require.NoError(t, err)
	return db
}

// note is the row that the tests write.
type note struct {
	ID   int64
	Body string
}

// insert writes a note over GORM.
func insert(ctx context.Context, db *database.DB, body string) error {
	return db.Session(ctx).Create(&note{Body: body}).Error
}

// copyIn writes notes by COPY.
func copyIn(ctx context.Context, db *database.DB, bodies ...string) error {
	tx, err := db.Tx(ctx)
	if err != nil {
		return err
	}
	rows := make([][]any, len(bodies))
	for i, b := range bodies {
		rows[i] = []any{b}
	}
	_, err = tx.CopyFrom(ctx, pgx.Identifier{"notes"}, []string{"body"}, pgx.CopyFromRows(rows))
	return err
}

// bodies lists what is committed.
func bodies(t *testing.T, db *database.DB) []string {
	t.Helper()
	rows, err := db.Querier(t.Context()).Query(t.Context(), "select body from notes order by id")
	require.NoError(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return found
}
