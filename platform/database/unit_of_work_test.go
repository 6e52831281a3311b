package database_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/stretchr/testify/require"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

var errAbort = errors.New("abort")

// This is the package's first test, because it is about the worst of the traps:
// a transaction that somebody further down commits in silence.
func TestInTx_StrayGormTransactionCannotCommit(t *testing.T) {
	t.Parallel()
	db := open(t)

	t.Run("with the wrapper it is an error and nothing survives", func(t *testing.T) {
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "before"))
			stray := db.Session(ctx).Transaction(func(tx *gorm.DB) error {
				return tx.Create(&note{Body: "inside"}).Error
			})
			require.Error(t, stray)
			return errAbort
		})
		require.ErrorIs(t, err, errAbort)
		require.Empty(t, bodies(t, db))
	})

	t.Run("a Begin is an error too", func(t *testing.T) {
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			require.Error(t, db.Session(ctx).Begin().Error)
			return errAbort
		})
		require.ErrorIs(t, err, errAbort)
	})

	t.Run("without the wrapper it commits the whole", func(t *testing.T) {
		sqlDB := stdlib.OpenDBFromPool(db.Pool())
		defer func() { require.NoError(t, sqlDB.Close()) }()
		conn, err := sqlDB.Conn(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, conn.Close()) }()
		_, err = conn.ExecContext(t.Context(), "begin")
		require.NoError(t, err)
		bare, err := gorm.Open(postgres.New(postgres.Config{Conn: conn}), &gorm.Config{SkipDefaultTransaction: true})
		require.NoError(t, err)
		require.NoError(t, bare.Create(&note{Body: "before"}).Error)
		require.NoError(t, bare.Transaction(func(tx *gorm.DB) error {
			return tx.Create(&note{Body: "inside"}).Error
		}))
		_, err = conn.ExecContext(t.Context(), "rollback")
		require.NoError(t, err, "the rollback reports success although there is nothing left to roll back")
		require.Equal(t, []string{"before", "inside"}, bodies(t, db), "this is what the wrapper prevents")
	})
}

func TestInTx_GormAndCopyShareOneTransaction(t *testing.T) {
	t.Parallel()
	db := open(t)

	require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "gorm"))
		require.NoError(t, copyIn(ctx, db, "copy 1", "copy 2"))
		var n int
		require.NoError(t, db.Querier(ctx).QueryRow(ctx, "select count(*) from notes").Scan(&n))
		require.Equal(t, 3, n, "each sees what the other wrote")
		return errAbort
	}), errAbort)
	require.Empty(t, bodies(t, db))

	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "gorm"))
		return copyIn(ctx, db, "copy")
	}))
	require.Equal(t, []string{"gorm", "copy"}, bodies(t, db))
}

func TestInTx_PanicRollsBackAndPasses(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) { c.MaxConns = 1 })
	require.PanicsWithValue(t, "boom", func() {
		_ = db.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "lost"))
			panic("boom")
		})
	})
	require.Empty(t, bodies(t, db), "and the only connection is back")
}

func TestInTx_SessionsOutsideDoNotWriteIntoIt(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "inside"))
		require.NoError(t, insert(t.Context(), db, "outside"))
		return errAbort
	}), errAbort)
	require.Equal(t, []string{"outside"}, bodies(t, db))
}

func TestInTx_PreparedSessionStaysInside(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context) error {
		prepared := db.Session(ctx).Session(&gorm.Session{PrepareStmt: true})
		require.NoError(t, prepared.Create(&note{Body: "prepared"}).Error)
		return errAbort
	}), errAbort)
	require.Empty(t, bodies(t, db))
}

func TestInTx_RowsLeftOpen(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) { c.MaxConns = 1 })

	leaveOpen := func(ctx context.Context) {
		rows, err := db.Session(ctx).Raw("select generate_series(1, 100000)").Rows() // left open on purpose
		require.NoError(t, err)
		require.True(t, rows.Next())
	}
	for name, end := range map[string]func() error{
		"then an error": func() error { return errAbort },
		"then success":  func() error { return nil },
		"then a panic":  func() error { panic(errAbort) },
	} {
		done := make(chan any, 1)
		go func() {
			defer func() { done <- recover() }()
			if err := db.InTx(t.Context(), func(ctx context.Context) error {
				leaveOpen(ctx)
				return end()
			}); err != nil {
				panic(err)
			}
		}()
		select {
		case outcome := <-done:
			require.NotNil(t, outcome, "%s: a unit of work with rows left open must not pass for committed", name)
		case <-time.After(10 * time.Second):
			t.Fatalf("%s: the connection never came back", name)
		}
		require.Empty(t, bodies(t, db), "%s: the pool's only connection serves again", name)
	}
}

func TestInTx_CommitSentAsSQLIsNoticed(t *testing.T) {
	t.Parallel()
	db := open(t)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		return db.Session(ctx).Exec("commit").Error
	})
	require.ErrorIs(t, err, database.ErrMisuse)
}

func TestInTx_DroppedStatementErrorIsNoticed(t *testing.T) {
	t.Parallel()
	db := open(t)
	err := db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "lost"))
		_ = db.Session(ctx).Exec("select 1 / 0").Error
		return nil
	})
	require.ErrorIs(t, err, database.ErrMisuse)
	require.Empty(t, bodies(t, db))
}

func TestInTx_Joining(t *testing.T) {
	t.Parallel()

	t.Run("commits with the outer one", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "outer"))
			return db.InTx(ctx, func(ctx context.Context) error { return insert(ctx, db, "inner") })
		}))
		require.Equal(t, []string{"outer", "inner"}, bodies(t, db))
	})

	t.Run("one that failed poisons the whole, whoever swallows the error", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		err := db.InTx(t.Context(), func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "outer"))
			_ = db.InTx(ctx, func(context.Context) error { return errAbort })
			require.ErrorIs(t, db.InTx(ctx, func(context.Context) error { return nil }), database.ErrPoisoned)
			return nil
		})
		require.ErrorIs(t, err, database.ErrPoisoned)
		require.ErrorIs(t, err, errAbort)
		require.Empty(t, bodies(t, db))
	})

	t.Run("options that the outer one does not have are an error", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		nothing := func(context.Context) error { return nil }
		for name, option := range map[string]database.Option{
			"isolation": database.Isolation(pgx.Serializable),
			"read only": database.ReadOnly(),
			"no retry":  database.NoRetry(),
		} {
			err := db.InTx(t.Context(), func(ctx context.Context) error { return db.InTx(ctx, nothing, option) })
			require.ErrorIs(t, err, database.ErrMisuse, name)
			err = db.InTx(t.Context(), func(ctx context.Context) error { return db.InTx(ctx, nothing, option) }, option)
			require.NoError(t, err, name)
		}
	})

	t.Run("a unit of work that has ended is not joined", func(t *testing.T) {
		t.Parallel()
		db := open(t)
		var leaked context.Context
		require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
			leaked = ctx
			return nil
		}))
		require.ErrorIs(t, db.InTx(leaked, func(context.Context) error { return nil }), database.ErrMisuse)
		require.ErrorIs(t, insert(leaked, db, "late"), database.ErrMisuse)
		require.ErrorIs(t, copyIn(leaked, db, "late"), database.ErrMisuse)
		_, err := db.Querier(leaked).Exec(leaked, "select 1")
		require.ErrorIs(t, err, database.ErrMisuse)
		require.Empty(t, bodies(t, db))
	})
}

func TestInTx_ReadOnlyRefusesToWrite(t *testing.T) {
	t.Parallel()
	db := open(t)
	err := db.InTx(t.Context(), func(ctx context.Context) error { return insert(ctx, db, "x") }, database.ReadOnly())
	require.ErrorIs(t, err, database.ErrReadOnly)
}

func TestInTx_CancellingStopsTheStatement(t *testing.T) {
	t.Parallel()
	db := open(t, func(c *database.Config) { c.MaxConns = 1 })
	ctx, cancel := context.WithCancel(t.Context())
	err := db.InTx(ctx, func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "lost"))
		time.AfterFunc(50*time.Millisecond, cancel)
		return db.Session(ctx).Exec("select pg_sleep(30)").Error
	})
	require.Error(t, err)
	require.Equal(t, apperr.Unavailable, apperr.KindOf(err))
	require.Empty(t, bodies(t, db))
	var sleeping int
	require.NoError(t, db.Querier(t.Context()).QueryRow(t.Context(),
		"select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and query like '%pg_sleep%' and state = 'active'").Scan(&sleeping))
	require.Zero(t, sleeping, "the statement does not go on in the server")
}

func TestInTx_OutsideTheMethodsOfATransactionAreErrors(t *testing.T) {
	t.Parallel()
	db := open(t)
	_, err := db.Tx(t.Context())
	require.ErrorIs(t, err, database.ErrMisuse)
	_, err = db.PgxTx(t.Context())
	require.ErrorIs(t, err, database.ErrMisuse)
	require.ErrorIs(t, db.Savepoint(t.Context(), func(context.Context) error { return nil }), database.ErrMisuse)
}

func TestAfterCommit(t *testing.T) {
	t.Parallel()
	db := open(t)
	var heard []string
	say := func(ctx context.Context, word string) {
		db.AfterCommit(ctx, func(context.Context) { heard = append(heard, word) })
	}

	require.ErrorIs(t, db.InTx(t.Context(), func(ctx context.Context) error {
		say(ctx, "rolled back")
		return errAbort
	}), errAbort)
	require.Empty(t, heard, "what rolled back is never announced")

	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		say(ctx, "outer")
		require.NoError(t, db.InTx(ctx, func(ctx context.Context) error { say(ctx, "joined"); return nil }))
		_ = db.Savepoint(ctx, func(ctx context.Context) error { say(ctx, "undone"); return errAbort })
		require.Empty(t, heard, "nothing is announced before the commit")
		return nil
	}))
	require.Equal(t, []string{"outer", "joined"}, heard)

	say(t.Context(), "at once")
	require.Equal(t, []string{"outer", "joined", "at once"}, heard)
}

func TestSavepoint(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		require.NoError(t, insert(ctx, db, "kept"))
		err := db.Savepoint(ctx, func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "undone"))
			return insert(ctx, db, "kept")
		})
		require.Error(t, err, "a duplicate")
		err = db.Savepoint(ctx, func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "undone with the joined one"))
			_ = db.InTx(ctx, func(context.Context) error { return errAbort })
			return nil
		})
		require.ErrorIs(t, err, errAbort)
		return db.Savepoint(ctx, func(ctx context.Context) error {
			require.NoError(t, insert(ctx, db, "also kept"))
			return db.Savepoint(ctx, func(ctx context.Context) error { return insert(ctx, db, "nested") })
		})
	}))
	require.Equal(t, []string{"kept", "also kept", "nested"}, bodies(t, db))
}

func TestInTx_IsolationIsWhatWasAskedFor(t *testing.T) {
	t.Parallel()
	db := open(t)
	require.NoError(t, db.InTx(t.Context(), func(ctx context.Context) error {
		var level string
		require.NoError(t, db.Querier(ctx).QueryRow(ctx, "show transaction_isolation").Scan(&level))
		require.Equal(t, "repeatable read", level)
		return nil
	}, database.Isolation(pgx.RepeatableRead)))
}
