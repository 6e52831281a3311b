package database_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

var (
	errTaken     = apperr.New(apperr.Conflict, "note_taken", "There is such a note already.")
	errForbidden = apperr.New(apperr.Invalid, "note_forbidden", "Not this.")
)

func named(c *database.Config) {
	c.Constraints = []database.Constraints{{"uq_notes_body": errTaken}, {"ck_notes_body": errForbidden}}
}

func TestTranslate_ByConstraintName(t *testing.T) {
	t.Parallel()
	db := open(t, named)
	ctx := t.Context()
	require.NoError(t, db.Translate(insert(ctx, db, "a")))
	require.ErrorIs(t, db.Translate(insert(ctx, db, "a")), errTaken)
	require.ErrorIs(t, db.Translate(insert(ctx, db, "forbidden")), errForbidden)
	require.ErrorIs(t, db.InTx(ctx, func(ctx context.Context) error { return copyIn(ctx, db, "b", "a") }), errTaken)

	missing := db.Translate(db.Session(ctx).Exec("insert into notes (body) values (null)").Error)
	require.ErrorIs(t, missing, database.ErrValueMissing)
	require.Contains(t, apperr.From(missing).Message, "body")
	unknown := db.Translate(db.Session(ctx).Exec("create temp table odd (n int check (n > 0)); insert into odd values (0)").Error)
	require.Equal(t, apperr.Internal, apperr.KindOf(unknown))
	require.NoError(t, db.Translate(nil))
}

func TestTranslate_NamesOfPartitions(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) {
		c.Constraints = []database.Constraints{{"uq_parts_body": errTaken}, {"fk_parts_note": errForbidden}}
	})
	ctx := t.Context()
	_, err := db.Querier(ctx).Exec(ctx, `
create table parts (key int, body text, note text, constraint uq_parts_body unique (key, body),
  constraint fk_parts_note foreign key (note) references notes (body)) partition by list (key);
create table parts_p1 partition of parts for values in (1);
insert into parts values (1, 'a')`)
	require.NoError(t, err)
	_, duplicate := db.Querier(ctx).Exec(ctx, "insert into parts values (1, 'a')")
	require.NotErrorIs(t, db.Translate(duplicate), errTaken, "PostgreSQL names the partition's index")

	require.NoError(t, db.ReadConstraintNames(ctx))
	require.ErrorIs(t, db.Translate(duplicate), errTaken)
	_, orphan := db.Querier(ctx).Exec(ctx, "insert into parts values (1, 'b', 'nowhere')")
	require.ErrorIs(t, db.Translate(orphan), errForbidden)
	_, homeless := db.Querier(ctx).Exec(ctx, "insert into parts values (2, 'c')")
	require.ErrorIs(t, db.Translate(homeless), database.ErrPartitionMissing)
}

func TestCopyFrom_ASourceThatFailsIsTheReason(t *testing.T) {
	t.Parallel()
	db := open(t)
	broken := errors.New("the file cannot be read")
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		tx, err := db.Tx(ctx)
		require.NoError(t, err)
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"notes"}, []string{"body"}, pgx.CopyFromFunc(func() ([]any, error) { return nil, broken }))
		return db.Translate(err)
	})
	require.ErrorIs(t, err, broken)
	require.NotErrorIs(t, err, database.ErrTimeout)
}

func TestTranslate_PassingTroubleIsUnavailable(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) { c.QueryTimeout = 50 * time.Millisecond })
	ctx := t.Context()
	require.ErrorIs(t, db.Translate(db.Session(ctx).Exec("select pg_sleep(5)").Error), database.ErrTimeout)
	require.ErrorIs(t, db.Translate(insert(ctx, db, "nul \x00 byte")), database.ErrInvalidText)

	require.NoError(t, insert(ctx, db, "locked"))
	require.NoError(t, db.InTx(ctx, func(inner context.Context) error {
		_, err := db.Querier(inner).Exec(inner, "select * from notes for update")
		require.NoError(t, err)
		_, err = db.Querier(ctx).Exec(ctx, "select * from notes for update nowait")
		require.ErrorIs(t, db.Translate(err), database.ErrBusy)
		return nil
	}))
}

func TestSession_SettingsAreInForce(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) { c.QueryTimeout = 7 * time.Second })
	for setting, want := range map[string]string{
		"application_name": "semantik", "jit": "off", "plan_cache_mode": "force_custom_plan", "random_page_cost": "1.1",
		"statement_timeout": "7s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "1min", "TimeZone": "UTC", "search_path": "public",
	} {
		var got string
		require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(), "select current_setting($1)", setting).Scan(&got))
		require.Equal(t, want, got, setting)
	}
}

func TestSession_BehindAPoolerNothingIsSentAtTheStart(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) {
		separator := "?"
		if strings.Contains(c.URL, "?") {
			separator = "&"
		}
		c.URL += separator + "default_query_exec_mode=exec"
	})
	var got string
	require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(), "select current_setting($1)", "jit").Scan(&got))
	require.Equal(t, "on", got)
	require.NoError(t, insert(t.Context(), db, "works"))
}

// lockedBuffer is a log that several goroutines write.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestEcho_ShowsStatementsAndNoValues(t *testing.T) {
	t.Parallel()
	var log lockedBuffer
	db := open(t, func(c *database.Config) {
		c.Echo, c.EchoPool = true, true
		c.Logger = slog.New(slog.NewJSONHandler(&log, nil))
	})
	require.NoError(t, insert(t.Context(), db, "a secret thought"))
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error { return copyIn(ctx, db, "another secret") }))
	out := log.String()
	require.Contains(t, out, `INSERT INTO \"notes\"`)
	require.Contains(t, out, `copy \"notes\" from stdin binary`)
	require.Contains(t, out, `"rows":1`)
	require.Contains(t, out, "connection acquired")
	require.Contains(t, out, "connection released")
	require.NotContains(t, out, "secret")
}

func TestHealth_AnswersWithThePoolsFigures(t *testing.T) {
	t.Parallel()
	db := open(t)
	h := db.Health(t.Context())
	require.NoError(t, h.Err)
	require.Positive(t, h.Latency)
	require.Equal(t, 4, h.Max)
}
