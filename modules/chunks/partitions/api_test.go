package partitions_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks/partitions"
	"semantik/platform/auth"
	"semantik/testworld"
)

const (
	base = "/api/v2/partitions"
	key  = "0123456789abcdef-0123456789abcdef"
)

var routes = []string{"/health", "/statistics", "/recommendations", "/health-summary"}

func TestAPI_TheInternalKeyIsAWayInOnlyWhereOneIsSet(t *testing.T) {
	t.Parallel()
	with := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker(), testworld.Setting("INTERNAL_API_KEY="+key))
	without := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	user := with.User("ada")
	apiKey := with.Key(with.Root, nil, auth.Scopes()...)
	shown := map[string]string{"X-Internal-Api-Key": key}
	for _, route := range routes {
		url := base + route
		with.HTTP(t,
			testworld.Scenario{Name: "the key " + route, Method: http.MethodGet, URL: url, Headers: shown, Status: 200, Pure: true},
			testworld.Scenario{Name: "a user with the key " + route, As: &user, Method: http.MethodGet, URL: url, Headers: shown, Status: 200},
			testworld.Scenario{Name: "a user without " + route, As: &user, Method: http.MethodGet, URL: url, Status: 403, Has: []string{"Admin access required"}},
			testworld.Scenario{Name: "a superuser " + route, As: &with.Root, Method: http.MethodGet, URL: url, Status: 200, Pure: true},
			testworld.Scenario{Name: "nobody " + route, Method: http.MethodGet, URL: url, Status: 401},
			testworld.Scenario{Name: "an API key with the key " + route, Token: "Bearer " + apiKey, Method: http.MethodGet, URL: url, Headers: shown, Status: 403, Has: []string{"Admin access required"}},
			testworld.Scenario{Name: "a bad token with the key " + route, Token: "Bearer x.y.z", Method: http.MethodGet, URL: url, Headers: shown, Status: 401},
			testworld.Scenario{Name: "a wrong key " + route, Method: http.MethodGet, URL: url, Headers: map[string]string{"X-Internal-Api-Key": key + "x"}, Status: 401},
		)
		without.HTTP(t, testworld.Scenario{Name: "none is set " + route, Method: http.MethodGet, URL: url, Headers: shown, Status: 401})
	}
	with.HTTP(t,
		testworld.Scenario{Name: "exact counts are for superusers", Method: http.MethodGet, URL: base + "/statistics?exact=true", Headers: shown, Status: 401},
		testworld.Scenario{Name: "and not for users with the key", As: &user, Method: http.MethodGet, URL: base + "/statistics?exact=true", Headers: shown, Status: 403},
	)
}

// asked is a world with as many chunks in each partition as its number says.
type asked struct {
	t *testing.T
	w *testworld.World
}

func askable(t *testing.T) asked {
	t.Helper()
	a := asked{t, testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())}
	fill(t, a.w, func(num int) int { return num })
	a.w.Await("the statistics know of the rows", func() bool {
		r, err := a.w.Partitions.Report(a.w.As(a.w.Root))
		require.NoError(t, err)
		return r.TotalChunks == 4950
	})
	return a
}

func (a asked) get(path string) map[string]any {
	a.t.Helper()
	return a.w.Request(testworld.Scenario{As: &a.w.Root, Method: http.MethodGet, URL: base + path, Status: 200}).JSON(a.t)
}

// within is a member that is an object.
func (a asked) within(object map[string]any, names ...string) map[string]any {
	a.t.Helper()
	for _, name := range names {
		member, ok := object[name].(map[string]any)
		require.True(a.t, ok, "%s in %v", name, object)
		object = member
	}
	return object
}

func TestAPI_HealthHasTheShapeOfTheContract(t *testing.T) {
	t.Parallel()
	a := askable(t)
	health := a.get("/health")
	require.Equal(t, "success", health["status"])
	require.NotEmpty(t, health["timestamp"])
	require.Equal(t, []any{}, health["alerts"])
	require.NotContains(t, health, "error")
	require.Subset(t, a.within(health, "metrics"), map[string]any{
		"total_partitions": 100.0, "healthy_count": 100.0, "warning_count": 0.0, "unbalanced_count": 0.0,
	})
	share := a.within(health, "metrics", "skew_metrics", "largest_share")
	require.Subset(t, share, map[string]any{"value": 2.0, "status": "HEALTHY"})
	require.Contains(t, share["details"], "Partition 99")
	method := a.within(health, "implementation")
	require.Equal(t, "generated_column_copied_by_foreign_key", method["method"])
	require.Contains(t, method["why"], "neither a trigger nor a generated column")
	require.Subset(t, a.within(method, "verification"), map[string]any{"collections": 100.0, "collections_wrong": 0.0, "chunks_wrong": 0.0})

	require.Equal(t, map[string]any{"count": 0.0, "recommendations": []any{}}, a.get("/recommendations"))
}

func TestAPI_StatisticsHaveTheShapeOfTheContract(t *testing.T) {
	t.Parallel()
	a := askable(t)
	all := a.get("/statistics")
	require.Nil(t, all["partition_num"])
	numbers := a.within(all, "statistics")
	require.Subset(t, numbers, map[string]any{
		"partition_count": 100.0, "total_chunks": 4950.0, "avg_chunks_per_partition": 49.5, "chunk_count_stddev": 28.866,
		"search_rows": 4950.0, "collections": 100.0, "exact": false,
	})
	require.Positive(t, numbers["total_size_mb"])
	require.NotContains(t, numbers, "chunk_count")
	require.Subset(t, a.within(a.get("/statistics?exact=true"), "statistics"), map[string]any{
		"exact": true, "total_chunks": 4950.0, "search_rows": 4950.0,
	})

	one := a.get("/statistics?partition_num=40")
	require.Subset(t, one, map[string]any{"partition_num": 40.0})
	numbers = a.within(one, "statistics")
	require.Subset(t, numbers, map[string]any{"partition_num": 40.0, "chunk_count": 40.0, "health_status": "HEALTHY", "exact": false})
	require.Positive(t, numbers["avg_chunk_size_kb"])
	require.Positive(t, numbers["total_size_mb"])
	require.NotContains(t, numbers, "total_chunks")
	require.Subset(t, a.get("/statistics?partition_num=0"), map[string]any{"partition_num": 0.0}, "0 is a partition")
	require.Subset(t, a.within(a.get("/statistics?partition_num=40&exact=true"), "statistics"), map[string]any{"chunk_count": 40.0, "exact": true})
	require.Nil(t, a.get("/statistics?partition_num=")["partition_num"], "a parameter without a value is none")

	for query, status := range map[string]int{
		"?partition_num=100": 404, "?partition_num=999999999999": 404, "?partition_num=-1": 422, "?partition_num=x": 422,
		"?partition_num=1.5": 422, "?partition_num=99999999999999999999": 422, "?exact=perhaps": 422,
	} {
		a.w.Request(testworld.Scenario{As: &a.w.Root, Method: http.MethodGet, URL: base + "/statistics" + query, Status: status})
	}
}

func TestAPI_TheSummaryListsEveryPartition(t *testing.T) {
	t.Parallel()
	a := askable(t)
	summary := a.get("/health-summary")
	require.Subset(t, summary, map[string]any{
		"total_partitions": 100.0, "healthy_count": 100.0, "warning_count": 0.0, "unbalanced_count": 0.0, "health_percentage": 100.0,
	})
	listed, ok := summary["partitions"].([]any)
	require.True(t, ok)
	require.Len(t, listed, 100)
	require.Subset(t, listed[99], map[string]any{
		"partition_num": 99.0, "health_status": "HEALTHY", "chunk_percentage": 2.0, "chunk_skew": 1.0, "chunk_count": 99.0,
	})
	require.Subset(t, listed[0], map[string]any{"partition_num": 0.0, "chunk_skew": -1.0, "chunk_percentage": 0.0})
}

func TestStatistics_AnExactCountHasATimeAndATurn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.AllPartitions(), testworld.NoWorker())
	fill(t, w, func(num int) int { return num % 2 })
	pause := w.Trace.PauseAt("from chunks\nwhere partition_key = $1")
	counted := make(chan error, 1)
	go func() {
		_, err := w.Partitions.Statistics(w.As(w.Root), nil, true)
		counted <- err
	}()
	<-pause.Reached()
	_, err := w.Partitions.Statistics(w.As(w.Root), nil, true)
	require.ErrorIs(t, err, partitions.ErrCountBusy)
	_, err = w.Partitions.Statistics(w.As(w.Root), nil, false)
	require.NoError(t, err, "estimates wait for nobody")
	pause.Resume()
	require.NoError(t, <-counted)

	t.Run("a partition that is locked away", func(t *testing.T) {
		ctx := t.Context()
		conn, err := pgx.Connect(ctx, w.URL)
		require.NoError(t, err)
		defer func() { _ = conn.Close(ctx) }()
		tx, err := conn.Begin(ctx)
		require.NoError(t, err)
		_, err = tx.Exec(ctx, `lock table chunks_p50 in access exclusive mode`)
		require.NoError(t, err)
		began := time.Now()
		answer := w.Send(testworld.Scenario{As: &w.Root, Method: http.MethodGet, URL: base + "/statistics?exact=true"})
		require.Equal(t, http.StatusServiceUnavailable, answer.Status)
		require.NotEmpty(t, answer.Header.Get("Retry-After"))
		require.Less(t, time.Since(began), partitions.CountLimit)
		require.NoError(t, tx.Rollback(ctx))
	})
	t.Run("one that takes too long", func(t *testing.T) {
		rows := partitions.NewRepository(w.DB)
		_, err := partitions.NewService(w.DB, rows, nil).CountUntil(w.As(w.Root), time.Now().Add(-time.Second))
		require.ErrorIs(t, err, partitions.ErrCountTooLong)
		require.ErrorContains(t, err, "partition_num")
	})
}
