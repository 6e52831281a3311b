package testworld_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

const (
	// storm is how many log in at once, over a connection each; the bench lets more.
	storm = 1000
	// throng is how many where it is about the limits and not about the memory.
	throng = 300
	// stormDeadline is how long each of them waits for an answer.
	stormDeadline = 60 * time.Second
	// stormMemory is how much more the whole process may hold meanwhile, the
	// thousand clients included.
	stormMemory = 300 << 20
)

// loginAnswer is what one of them was answered.
type loginAnswer struct {
	status int
	header http.Header
	body   string
	took   time.Duration
	err    error
}

// logIn signs in over a connection of its own.
func logIn(ctx context.Context, address, name, from string) loginAnswer {
	began := time.Now()
	transport := &http.Transport{DisableKeepAlives: true}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport, Timeout: stormDeadline}
	body := fmt.Sprintf(`{"username":%q,"password":%q}`, name, testworld.Password)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+"/api/auth/login", strings.NewReader(body))
	if err != nil {
		return loginAnswer{err: err}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-Forwarded-For", from)
	response, err := client.Do(request)
	if err != nil {
		return loginAnswer{err: err, took: time.Since(began)}
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	return loginAnswer{status: response.StatusCode, header: response.Header, body: string(content), err: err, took: time.Since(began)}
}

// openFiles is how many connections the process may have, which are twice as many
// as there are clients: both ends are in it.
func openFiles(t *testing.T) int {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	return int(min(limit.Cur, 1<<20))
}

// heldMemory is what the process has of the system.
func heldMemory() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.Sys - m.HeapReleased
}

// rush lets n log in at once and gives their answers, and the most memory that
// was held meanwhile beyond what was held before.
func rush(t *testing.T, w *testworld.World, n int, from func(i int) string) (answers []loginAnswer, memory uint64) {
	t.Helper()
	n = min(n, (openFiles(t)-500)/2)
	require.Greater(t, n, 200, "the process may open too few files for this test; see ulimit -n")
	address := w.Address()
	runtime.GC()
	before, most := heldMemory(), uint64(0)
	watched, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(watched)
		look := time.NewTicker(20 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-done:
				return
			case <-look.C:
				most = max(most, heldMemory())
			}
		}
	}()
	answers = make([]loginAnswer, n)
	begin := make(chan struct{})
	var group sync.WaitGroup
	for i := range n {
		group.Go(func() {
			<-begin
			answers[i] = logIn(t.Context(), address, stormName(i), from(i))
		})
	}
	close(begin)
	group.Wait()
	close(done)
	<-watched
	return answers, most - min(most, before)
}

// requireOrderly checks every answer, and that everything is as it was
// afterwards. It gives how many there were of each status.
func requireOrderly(t *testing.T, w *testworld.World, answers []loginAnswer, memory uint64) map[int]int {
	t.Helper()
	statuses := map[int]int{}
	var times []time.Duration
	for _, a := range answers {
		require.NoError(t, a.err)
		require.Less(t, a.took, stormDeadline)
		statuses[a.status]++
		times = append(times, a.took)
		switch a.status {
		case http.StatusOK:
			require.Contains(t, a.body, "access_token")
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			seconds, err := strconv.Atoi(a.header.Get("Retry-After"))
			require.NoError(t, err, "Retry-After")
			require.Positive(t, seconds)
			var problem map[string]any
			require.NoError(t, json.Unmarshal([]byte(a.body), &problem))
			require.NotEmpty(t, problem["detail"])
		default:
			require.Fail(t, "an answer that is neither a session nor a reason to come back", "%d %s", a.status, a.body)
		}
	}
	slices.Sort(times)
	t.Logf("%v, p50 %s, p99 %s, %d MiB more", statuses, times[len(times)/2], times[len(times)*99/100], memory>>20)
	require.Less(t, memory, uint64(stormMemory))
	require.EqualValues(t, statuses[http.StatusOK], w.Int(`select count(*) from refresh_tokens`), "a session for each that was told of one, and no other")

	health := w.DB.Health(t.Context())
	require.NoError(t, health.Err)
	require.Zero(t, health.InUse, "no connection is left behind")
	for _, err := range w.Race(2*health.Max, func(int) error {
		var one int
		return w.DB.Querier(t.Context()).QueryRow(t.Context(), "select 1 from pg_sleep(0.05)").Scan(&one)
	}) {
		require.NoError(t, err, "the pool is whole")
	}
	return statuses
}

func stormWorld(t *testing.T, options ...testworld.Option) *testworld.World {
	t.Helper()
	w := testworld.New(t, append([]testworld.Option{
		testworld.NoWorker(), testworld.Setting("DB_POOL_SIZE=10"), testworld.Setting("DB_MAX_OVERFLOW=0"), testworld.Setting("LOG_LEVEL=warn"),
	}, options...)...)
	for i := range 20 {
		w.User(stormName(i))
	}
	return w
}

func stormName(i int) string { return fmt.Sprintf("person_%d", i%20) }

func home(int) string { return "198.18.0.1" }

func everywhere(i int) string { return fmt.Sprintf("198.18.%d.%d", i>>8, i&255) }

// Not parallel: it measures the memory of the process.
func TestLogin_AThousandAtOnceAreAllAnswered(t *testing.T) {
	t.Run("without limits", func(t *testing.T) {
		w := stormWorld(t)
		answers, memory := rush(t, w, storm, home)
		statuses := requireOrderly(t, w, answers, memory)
		require.Zero(t, statuses[http.StatusTooManyRequests])
		require.Greater(t, statuses[http.StatusOK], 100)
	})
	t.Run("from one address", func(t *testing.T) {
		w := stormWorld(t, testworld.RateLimits())
		begun := time.Now()
		answers, memory := rush(t, w, throng, home)
		statuses := requireOrderly(t, w, answers, memory)
		require.LessOrEqual(t, statuses[http.StatusOK], tenAMinute(begun))
		require.GreaterOrEqual(t, statuses[http.StatusOK], 10)
	})
	t.Run("from as many addresses", func(t *testing.T) {
		w := stormWorld(t, testworld.RateLimits())
		answers, memory := rush(t, w, throng, everywhere)
		statuses := requireOrderly(t, w, answers, memory)
		require.Greater(t, statuses[http.StatusOK], 100)
	})
}
