package testworld_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/platform/config"
	"semantik/platform/schemawatch"
	"semantik/testworld"
)

// upgrade writes down that a newer program has applied its schema, as that program does
// it, beside the one of the world.
const upgrade = `
insert into schema_history (kind, version, revision, schema_hash, partition_count, statements, reverses, handwritten, details)
select 'apply', 'next', revision + 1, 'next', partition_count, '[]', '[]', handwritten,
       details || jsonb_build_object('oldest_writer', revision + %d)
from schema_history
order by id desc
limit 1`

const undo = "delete from schema_history where version = 'next'"

func execBeside(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
}

func watchSchema(t *testing.T, w *testworld.World) {
	t.Helper()
	ctx, cancel := context.WithCancel(testworld.Beside(context.Background()))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.SchemaWatch.Run(ctx)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
}

func TestServer_ThatIsUpgradedUnderItOnlyReadsAndSaysSo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	watchSchema(t, w)
	token := "Bearer " + w.Token(w.Root) // signing in writes
	create := func(name string, status int, has ...string) testworld.Answer {
		return w.Request(testworld.Scenario{
			Token: token, Method: http.MethodPost, URL: "/api/v2/collections", Body: map[string]string{"name": name}, Status: status, Has: has,
		})
	}
	read := func() {
		w.Request(testworld.Scenario{Token: token, Method: http.MethodGet, URL: "/api/v2/collections/" + c.ID.String(), Status: http.StatusOK})
	}
	ready := func() int {
		return w.Send(testworld.Scenario{Method: http.MethodGet, URL: "/api/health/readyz"}).Status
	}
	require.Equal(t, http.StatusOK, ready())

	// A schema that this program still goes with is nothing to it.
	execBeside(t, w.URL, fmt.Sprintf(upgrade, 0))
	w.SchemaWatch.Look(t.Context())
	create("goes with it", http.StatusCreated)

	// One that it does not go with, while a unit of work is under way.
	execBeside(t, w.URL, undo)
	err := w.DB.InTx(t.Context(), func(ctx context.Context) error {
		execBeside(t, w.URL, fmt.Sprintf(upgrade, 1))
		w.Await("the upgrade is noticed", func() bool { return ready() == http.StatusServiceUnavailable })
		_, err := w.DB.Querier(ctx).Exec(ctx, "update collections set description = 'late'")
		return err
	})
	require.ErrorIs(t, err, schemawatch.ErrNewer, "what began before does not commit any more")

	answer := create("refused", http.StatusServiceUnavailable, `"code":"schema_newer"`, "upgraded to revision 2 and this server knows 1", "start the newer version")
	require.Equal(t, "30", answer.Header.Get("Retry-After"))
	read()
	w.Request(testworld.Scenario{
		Method: http.MethodGet, URL: "/api/health/readyz", Status: http.StatusServiceUnavailable,
		Has: []string{`"ready":false`, "upgraded to revision 2 and this server knows 1"},
	})
	_, err = w.DB.Querier(t.Context()).Exec(t.Context(), "update collections set description = 'past the units of work'")
	require.ErrorIs(t, w.DB.Translate(err), schemawatch.ErrNewer, "PostgreSQL itself refuses, whoever writes")
	require.Zero(t, w.Int("select count(*) from collections where description is not null"))

	// Rolled back, it goes on.
	execBeside(t, w.URL, undo)
	w.Await("the rollback is noticed", func() bool { return ready() == http.StatusOK })
	create("written again", http.StatusCreated)

	// So it is with one that is rolled back under it.
	execBeside(t, w.URL, "update schema_history set rolled_back_by = id; alter table collections rename column description to described")
	w.Await("it is noticed", func() bool { return ready() == http.StatusServiceUnavailable })
	create("refused", http.StatusServiceUnavailable, `"code":"schema_older"`, "rolled back to nothing and this server needs revision 1")
	w.Request(testworld.Scenario{Token: token, Method: http.MethodGet, URL: "/api/v2/collections/" + c.ID.String(), Status: http.StatusServiceUnavailable, Has: []string{"schema_older"}})
	w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/api/health/readyz", Status: http.StatusServiceUnavailable, Has: []string{"rolled back to nothing"}})
	execBeside(t, w.URL, "update schema_history set rolled_back_by = null; alter table collections rename column described to description")
	w.Await("the upgrade is noticed", func() bool { return ready() == http.StatusOK })
	create("and again", http.StatusCreated)
}

func TestServer_OfAnOlderSchemaDoesNotStart(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Empty())
	start := func() error {
		c, err := config.Load(config.Options{NoEnvFile: true, Environ: []string{
			"DATABASE_URL=" + w.URL, "SEMANTIK_DATA=" + t.TempDir(), fmt.Sprintf("CHUNK_PARTITION_COUNT=%d", w.Int("select count(*) from pg_inherits where inhparent = 'chunks'::regclass")),
		}})
		require.NoError(t, err)
		a, err := app.Build(t.Context(), c, app.Options{Version: "test", Quick: true})
		if err == nil {
			a.Close()
		}
		return err
	}
	execBeside(t, w.URL, fmt.Sprintf(upgrade, 1))
	require.ErrorContains(t, start(), "its schema has revision 2, this program knows 1; use the newer program, or roll the schema back with it")
	execBeside(t, w.URL, undo)
	execBeside(t, w.URL, fmt.Sprintf(upgrade, 0))
	require.NoError(t, start(), "one that still goes with it starts")
}
