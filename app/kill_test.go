package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

// envKills says how often the server is killed; "make faults" asks for a hundred.
const envKills = "SEMANTIK_TEST_KILLS"

func kills(t *testing.T) int {
	t.Helper()
	text := os.Getenv(envKills)
	if text == "" {
		return 2
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, envKills)
	return n
}

// onlyWithFaults leaves a test of some ten seconds to "make faults".
func onlyWithFaults(t *testing.T) {
	t.Helper()
	if os.Getenv(envKills) == "" {
		t.Skip("it takes long; make faults runs it")
	}
}

// loading is one client that loads a document of its own, range after range.
type loading struct {
	url, key string
	document string
	random   *rand.Rand

	mu sync.Mutex
	// acknowledged is how many chunks the server has said to have: those with a lower
	// index. The next ones, up to tried, may be there or not.
	acknowledged, tried int
	loads               int
}

// run loads until the context ends. What nobody knows of is sent again, so that what is
// there is passed over.
func (l *loading) run(ctx context.Context) error {
	unknown := false
	for ctx.Err() == nil {
		l.mu.Lock()
		first := l.acknowledged
		if !unknown {
			l.tried = first + 200 + l.random.IntN(3000)
		}
		last := l.tried
		l.mu.Unlock()
		var body bytes.Buffer
		for i := first; i < last; i++ {
			fmt.Fprintf(&body, `{"document_id": %q, "chunk_index": %d, "content": "chunk %d of a walrus, %s"}`+"\n", l.document, i, i, strings.Repeat("and so on ", 20))
		}
		mode := "error"
		if unknown {
			mode = "skip"
		}
		status, answer, err := l.send(ctx, mode, &body)
		switch {
		case err != nil: // the server is gone, and perhaps it had committed
			unknown = true
			time.Sleep(10 * time.Millisecond) // it takes a moment to come back
		case status == http.StatusServiceUnavailable:
			unknown = true
		case status != http.StatusCreated:
			return fmt.Errorf("%s %d to %d: %d %s", mode, first, last, status, answer)
		default:
			var counts struct{ Inserted, Skipped int }
			if err := json.Unmarshal(answer, &counts); err != nil || counts.Inserted+counts.Skipped != last-first || counts.Inserted*counts.Skipped != 0 {
				return fmt.Errorf("%s %d to %d, half of it: %s", mode, first, last, answer)
			}
			unknown = false
			l.mu.Lock()
			l.acknowledged = last
			l.loads++
			l.mu.Unlock()
		}
	}
	return nil
}

func (l *loading) send(ctx context.Context, mode string, body io.Reader) (int, []byte, error) {
	request, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, l.url+"?on_conflict="+mode, body)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	request.Header.Set("Authorization", "Bearer "+l.key)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	return response.StatusCode, answer, err
}

// newVictim starts the program on a database, with its first superuser.
func newVictim(t *testing.T, url string, more ...string) *victim.Program {
	t.Helper()
	p := victim.NewProgram(t, home(t, append(more, "DATABASE_URL="+url, "SEMANTIK_ADMIN_PASSWORD=correct horse", "LOG_LEVEL=info")...), "serve")
	p.Start()
	p.AwaitLog("msg=serving") // which it says when it has made the superuser
	return p
}

// newLoaders makes a collection, and three who load into a document of it each.
func newLoaders(t *testing.T, v *victim.Program) (collection uuid.UUID, loaders []*loading) {
	t.Helper()
	c := &client{t: t, url: v.URL()}
	made := func(path string, body any, status int, member string) string {
		text, ok := c.json(http.MethodPost, path, body, status)[member].(string)
		require.True(t, ok, member)
		return text
	}
	c.token = made("/api/auth/login", map[string]string{"username": "admin", "password": "correct horse"}, 200, "access_token")
	key := made("/api/v2/api-keys", map[string]string{"name": "loader"}, 201, "api_key")
	id := made("/api/v2/collections", map[string]string{"name": "killed"}, 201, "id")
	for i := range 3 {
		document := made("/api/v2/collections/"+id+"/documents", map[string]any{
			"file_name": strconv.Itoa(i), "file_size": 1, "content_hash": fmt.Sprintf("%064x", i),
		}, 201, "id")
		loaders = append(loaders, &loading{
			url: c.url + "/api/v2/chunking/collections/" + id + "/chunks", key: key, document: document,
			random: rand.New(rand.NewPCG(rand.Uint64(), 0)),
		})
	}
	return uuid.MustParse(id), loaders
}

// The server is killed with kill -9 at random moments of a load. Whatever it has
// acknowledged is there once, of what it was at there is all or nothing, the counters
// are true, and searches find all of it in the end.
func TestKill_LoadsAreWholeAndThereOnce(t *testing.T) {
	t.Parallel()
	url := pgtest.Partitioned(t, partitions)
	v := newVictim(t, url)
	collection, loaders := newLoaders(t, v)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var group sync.WaitGroup
	errs := make([]error, len(loaders))
	for i, l := range loaders {
		group.Go(func() { errs[i] = l.run(ctx) })
	}
	for range kills(t) {
		time.Sleep(time.Duration(50+rand.IntN(600)) * time.Millisecond)
		v.Kill()
		requireWhole(t, conn, loaders)
		v.Start()
	}
	cancel()
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	total, loads := 0, 0
	for _, l := range loaders {
		total += l.acknowledged
		loads += l.loads
	}
	t.Logf("%d kills, %d loads acknowledged with %d chunks", kills(t), loads, total)
	require.Eventually(t, func() bool {
		var left int
		require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from chunk_search_backlog`).Scan(&left))
		return left == 0
	}, 5*time.Minute, 50*time.Millisecond, "search rows follow")
	var chunks, rows, counted, found, ofDocuments int
	require.NoError(t, conn.QueryRow(t.Context(), `
select (select count(*) from chunks where collection_id = $1), (select count(*) from chunk_search where collection_id = $1),
       chunk_count, vector_count, (select sum(chunk_count) from documents where collection_id = $1)
from collections where id = $1`, collection).Scan(&chunks, &rows, &counted, &found, &ofDocuments))
	require.Equal(t, []int{total, total, total, total, total}, []int{chunks, rows, counted, found, ofDocuments})
}

// requireWhole looks at the chunks while nobody serves: those that were acknowledged are
// there, and of those that were being loaded all or none.
func requireWhole(t *testing.T, conn *pgx.Conn, loaders []*loading) {
	t.Helper()
	require.Eventually(t, func() bool {
		var busy int
		require.NoError(t, conn.QueryRow(t.Context(), `
select count(*) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`).Scan(&busy))
		return busy == 0
	}, 20*time.Second, 5*time.Millisecond, "the connections of the killed server end")
	for _, l := range loaders {
		l.mu.Lock()
		acknowledged, tried := l.acknowledged, l.tried
		l.mu.Unlock()
		var there, under int
		require.NoError(t, conn.QueryRow(t.Context(), `
select count(*), count(*) filter (where chunk_index < $2) from chunks where document_id = $1`, uuid.MustParse(l.document), acknowledged).Scan(&there, &under))
		require.Equal(t, acknowledged, under, "what was acknowledged is there once")
		require.Contains(t, []int{acknowledged, tried}, there, "of what was being loaded there is all or nothing")
	}
}
