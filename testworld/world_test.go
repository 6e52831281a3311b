package testworld_test

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestWorld_ADocumentIsWorkedOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	require.False(t, alice.IsSuperuser)
	require.True(t, w.Root.IsSuperuser)
	c := w.Collection(alice)
	require.Equal(t, collections.StatusReady, c.Status)
	d := w.AddDocuments(c, testworld.File{Path: "a/b.txt", Content: "The house stands by the river."})[0]
	require.Equal(t, documents.StatusCompleted, d.Status)
	require.EqualValues(t, 1, w.Read(c.ID).ChunkCount)
	require.Equal(t, "The house stands by the river.", string(w.Content(d, documents.Original)))
	w.HTTP(t,
		testworld.Scenario{Method: http.MethodGet, URL: "/api/auth/me", As: &alice, Status: http.StatusOK, Has: []string{`"alice"`}, HasNot: []string{"password"}, Pure: true},
		testworld.Scenario{Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusUnauthorized, Pure: true},
	)
}

func TestWorld_FirstCommitFailsRunsEachUnitOfWorkTwice(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.FirstCommitFails())
	runs := 0
	require.NoError(t, w.DB.InTx(t.Context(), func(context.Context) error { runs++; return nil }))
	require.Equal(t, 2, runs)
	require.NoError(t, w.DB.InTx(t.Context(), func(context.Context) error { runs++; return nil }))
	require.Equal(t, 4, runs)
}

func TestWorld_OneConnectionShowsWhoAsksForASecond(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.OneConnection(),
		testworld.Database(func(c *database.Config) { c.PoolTimeout, c.ListenerConns = 200*time.Millisecond, 0 }))
	err := w.DB.InTx(t.Context(), func(context.Context) error {
		_, err := w.DB.Querier(t.Context()).Exec(t.Context(), "select 1") // not the transaction's context
		return err
	})
	require.ErrorIs(t, err, database.ErrPoolExhausted)
}

func TestWorld_FailAtBreaksOffEachStatementInTurn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	before := w.Snapshot()
	broken := 0
	for n := 0; ; n++ {
		var err error
		reached := w.FailAt(n, func() {
			err = w.DB.InTx(t.Context(), func(ctx context.Context) error {
				_, err := w.DB.Querier(ctx).Exec(ctx, "update users set full_name = 'Changed'")
				return err
			})
		})
		if !reached {
			require.NoError(t, err)
			break
		}
		require.Error(t, err)
		require.Empty(t, before.Changed(w.Snapshot()))
		broken++
	}
	require.Equal(t, 3, broken, "begin, the statement, commit")
	require.Equal(t, []string{"public.users"}, before.Changed(w.Snapshot()))
}

func TestWorld_RaceStartsAllAtOnceAndKeepsEachError(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	odd := errors.New("odd")
	var ran atomic.Int32
	errs := w.Race(8, func(i int) error {
		ran.Add(1)
		if i%2 == 1 {
			return odd
		}
		return nil
	})
	require.EqualValues(t, 8, ran.Load())
	require.Equal(t, []error{nil, odd, nil, odd, nil, odd, nil, odd}, errs)
}

func TestWorld_FindsACredentialInTheAuditLog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	const insert = `insert into audit_log (actor, action, object_type, object_id, details, user_agent) values ($1, 'a.b', 'a', $2, $3, $4)`
	w.Exec(insert, "alice", "1", `{"name": "nightly", "prefix": "smtk_0b9b2d3e"}`, "curl")
	w.Exec(insert, "alice", "1", `{"password": "`+testworld.Password+`"}`, "curl")
	w.Exec(insert, "alice", "smtk_0b9b2d3e_abc", `{}`, "curl")
	w.Exec(insert, "alice", "1", `{"before": {"hash": "$2a$12$abcdefghijklmnopqrstuv"}}`, "curl")
	w.Exec(insert, "alice", "1", `{}`, "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.sig")
	leaked, err := w.Leaked(t.Context())
	require.NoError(t, err)
	require.Len(t, leaked, 4)
	w.Exec(`delete from audit_log`)
}

func TestWorld_FindsACredentialInTheLog(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"connecting to postgres://semantik:hunter2@127.0.0.1/semantik", `"postgresql+asyncpg://a:b@h/d"`,
		"token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.sig", "hash $2a$12$abcdefghijklmnopqrstuv", "key smtk_0b9b2d3e_abc",
	} {
		require.True(t, testworld.HasCredential(line), line)
	}
	for _, line := range []string{"serving address=http://127.0.0.1:8080", "http://example.com/a:b@c", "postgres://user@host/name", "user:pass"} {
		require.False(t, testworld.HasCredential(line), line)
	}
}
