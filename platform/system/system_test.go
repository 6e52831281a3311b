package system_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/platform/system"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const token = "a-token-for-metrics-of-forty-characters-"

func TestMetrics_AreForSuperusersAndForWhoeverHasTheToken(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("METRICS_TOKEN="+token))
	alice := w.User("alice")
	answer := w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/metrics", Token: "Bearer " + token, Status: http.StatusOK, Pure: true})
	require.Equal(t, "text/plain; version=0.0.4; charset=utf-8", answer.Header.Get("Content-Type"))
	for _, name := range []string{"semantik_up_database 1", "semantik_pool_connections_max", "semantik_queue_operations{", "semantik_partitions 10", "semantik_database_xid_age", "go_goroutines", `semantik_build_info{go_version="go`} {
		require.Contains(t, answer.Body, name)
	}
	w.HTTP(t,
		testworld.Scenario{Name: "a superuser", As: &w.Root, Method: http.MethodGet, URL: "/metrics", Status: http.StatusOK},
		testworld.Scenario{Name: "anybody else", As: &alice, Method: http.MethodGet, URL: "/metrics", Status: http.StatusForbidden},
		testworld.Scenario{Name: "a beginning of the token", Token: "Bearer " + token[:39], Method: http.MethodGet, URL: "/metrics", Status: http.StatusUnauthorized},
		testworld.Scenario{Name: "the token opens nothing else", Token: "Bearer " + token, Method: http.MethodGet, URL: "/api/metrics", Status: http.StatusUnauthorized},
		testworld.Scenario{Name: "nor what superusers read", Token: "Bearer " + token, Method: http.MethodGet, URL: "/api/v2/system/slow-queries", Status: http.StatusUnauthorized},
	)
	within := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/metrics", Status: http.StatusOK}).JSON(t)
	require.Equal(t, true, within["available"])
	require.True(t, strings.HasSuffix(w.Address(), fmt.Sprintf(":%v", within["metrics_port"])), within["metrics_port"])
	require.Contains(t, within["data"], "semantik_up_database 1")

	none := testworld.New(t, testworld.NoWorker(), testworld.On(w))
	none.Request(testworld.Scenario{Name: "no token is set", Token: "Bearer ", Method: http.MethodGet, URL: "/metrics", Status: http.StatusUnauthorized})
}

func TestMetrics_NoPathAndNoMethodThatSomebodySendsIsALabel(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("METRICS_TOKEN="+token))
	for _, path := range []string{"/nowhere/secretpath", "/api/v2/collections/secretpath", "/api/v2/secretpath?x=secretpath"} {
		w.Send(testworld.Scenario{Method: http.MethodGet, URL: path})
	}
	w.Send(testworld.Scenario{Method: "SECRETPATH", URL: "/health"})
	w.Send(testworld.Scenario{Method: http.MethodDelete, URL: "/health"})
	w.Await("the requests were counted", func() bool {
		text, err := w.Metrics.Text()
		require.NoError(t, err)
		require.NotContains(t, strings.ToLower(text), "secretpath")
		return strings.Contains(text, `{method="GET",route="none",status="4xx"} 2`) &&
			strings.Contains(text, `{method="GET",route="/api/v2/collections/:collection_id",status="4xx"} 1`) &&
			strings.Contains(text, `method="other"`)
	})
}

func TestMetrics_WorkAndSearchesAreCounted(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	c := w.Collection(alice)
	w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "A walrus."}, testworld.File{Path: "b.txt", Content: "A heron."})
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusOK,
		Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus"}})
	w.Await("all is counted", func() bool {
		text, err := w.Metrics.Text()
		require.NoError(t, err)
		for _, line := range []string{
			`semantik_ingest_documents_total{outcome="done",type="append"} 2`, `semantik_ingest_bytes_total 17`, `semantik_ingest_chunks_total{type="append"} 2`,
			`semantik_operation_duration_seconds_count{outcome="completed",type="append"} 1`, `semantik_operations_in_hand{type="append"} 0`,
			`semantik_search_duration_seconds_count{outcome="ok"} 1`, `semantik_search_hits_count 1`, `semantik_search_capped_total 0`,
		} {
			if !strings.Contains(text, line+"\n") {
				return false
			}
		}
		return true
	})
}

func TestSystem_TellsWhatTheContractSays(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	info := w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/system/info", Status: http.StatusOK}).JSON(t)
	require.Equal(t, "test", info["version"])
	require.NotEmpty(t, info["postgres_version"])
	for at, keys := range map[string][]string{"limits": {"max_collections_per_user", "max_storage_gb_per_user"}, "rate_limits": {"chunking_preview", "plugin_install", "llm_test"}} {
		for _, key := range keys {
			require.Contains(t, info[at], key)
		}
	}
	w.HTTP(t,
		testworld.Scenario{Method: http.MethodGet, URL: "/api/v2/system/health", Status: http.StatusOK, Has: []string{`"postgres":{`, `"queue":{`, `"disk":{`}},
		testworld.Scenario{As: &alice, Method: http.MethodGet, URL: "/api/v2/system/status", Status: http.StatusOK,
			Has: []string{`"gpu_available":false,"reranking_available":false,"available_reranking_models":[],"cuda_device_count":0,"cuda_device_name":null`}},
		testworld.Scenario{Method: http.MethodGet, URL: "/api/health/", Status: http.StatusOK, Has: []string{`"status":"healthy"`, `"cleanup":{`}},
		testworld.Scenario{Method: http.MethodGet, URL: "/api/health/startupz", Status: http.StatusOK, Has: []string{`"check":"startup"`}},
		testworld.Scenario{Method: http.MethodGet, URL: "/api/health/readyz", Status: http.StatusOK, Has: []string{`"ready":true`, `"queue":{"message":"Operations are being worked on here.","status":"healthy"}`}},
	)
	w.Exec(`insert into scheduled_tasks (name, next_due_at, last_status) values ('bin', now(), 'failed') on conflict (name) do update set last_status = 'failed'`)
	w.Await("a task that failed degrades", func() bool {
		return strings.Contains(w.Request(testworld.Scenario{Method: http.MethodGet, URL: "/api/health/", Status: http.StatusOK}).Body, `"status":"degraded"`)
	})
}

func TestReadiness_NamesWhatIsWrongAndWhatOnlyDegrades(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.User("alice")) // made ready before the worker runs, which would do the same
	ready := func(status int, fragments ...string) {
		t.Helper()
		w.Await("readiness says so", func() bool { // what is remembered of the queue is a second old
			a := w.Send(testworld.Scenario{Method: http.MethodGet, URL: "/api/health/readyz"})
			for _, f := range fragments {
				if !strings.Contains(a.Body, f) {
					return false
				}
			}
			return a.Status == status
		})
	}
	ready(http.StatusOK, `"ready":true`, "The worker of this process does not run", `"problems":["`)
	require.NoError(t, w.Worker.Start(t.Context()))
	ready(http.StatusOK, "Operations are being worked on here.")
	w.Exec(`insert into operations (collection_id, type, status, config, created_at, waits_for) values ($1, 'append', 'processing', '{"a": 1}', now() - interval '1 hour', 'limit')`, c.ID)
	ready(http.StatusOK, "An operation has waited for 1h0m0s and nobody has begun it")
	w.Exec(`delete from operations where waits_for = 'limit'`)
	readOnly(t, w, "on")
	ready(http.StatusServiceUnavailable, `"ready":false`, "takes no writes")
	readOnly(t, w, "off")
	ready(http.StatusOK, `"ready":true`)
}

// readOnly sets the database so for all new sessions, and ends those that there are.
func readOnly(t *testing.T, w *testworld.World, value string) {
	t.Helper()
	config, err := pgx.ParseConfig(w.URL)
	require.NoError(t, err)
	config.RuntimeParams["default_transaction_read_only"] = "off"
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), "alter database "+pgx.Identifier{config.Database}.Sanitize()+" set default_transaction_read_only = "+value)
	require.NoError(t, err)
	w.DB.Pool().Reset()
}

func TestSlowQueries_AreBoundedAndHaveNoValues(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("SLOW_QUERY_MS=20"))
	_, err := w.DB.Querier(t.Context()).Exec(context.WithoutCancel(t.Context()), `select pg_sleep(0.03), 'hunter2' where $1 = $1::text`, "swordfish")
	require.NoError(t, err)
	slow := func(query string, status int) testworld.Answer {
		return w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: "/api/v2/system/slow-queries" + query, Status: status, HasNot: []string{"hunter2", "swordfish"}})
	}
	require.Contains(t, slow("", http.StatusOK).Body, `"query":"select pg_sleep(?), ? where $1 = $1::text","calls":1`)
	slow("?limit=0", http.StatusUnprocessableEntity)
	slow("?limit=101", http.StatusUnprocessableEntity)
	require.LessOrEqual(t, strings.Count(slow("?limit=1", http.StatusOK).Body, `"query"`), 1)

	off := testworld.New(t, testworld.NoWorker(), testworld.On(w), testworld.Setting("SLOW_QUERY_MS=0"))
	answer := off.Request(testworld.Scenario{Token: "Bearer " + off.Token(w.Root), Method: http.MethodGet, URL: "/api/v2/system/slow-queries", Status: http.StatusOK})
	require.Contains(t, answer.Body, `"queries":[]`)
	require.Contains(t, answer.Body, "SLOW_QUERY_MS is 0")
}

func TestDisk_IsNearlyFullBelowATwentiethOrHalfAGigabyte(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for d, full := range map[system.Disk]bool{
		{Size: 100 * gib, Free: 6 * gib}:     false,
		{Size: 100 * gib, Free: 4 * gib}:     true,
		{Size: 4 * gib, Free: gib / 4}:       true,
		{Size: gib / 10, Free: gib / 10}:     false,
		{Size: gib / 10, Free: gib / 100000}: true,
		{}:                                   false,
	} {
		require.Equal(t, full, d.Full(), d)
	}
}
