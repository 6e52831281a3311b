package app_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
	"semantik/testworld/victim"
)

// PostgreSQL is stopped, or killed, under a load, and comes back: the server answers
// that it cannot serve, and goes on by itself; what it has acknowledged is there once.
func TestOutage_OfPostgresUnderALoad(t *testing.T) {
	onlyWithFaults(t)
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *postgres.Server){
		"stopped": func(t *testing.T, s *postgres.Server) {
			t.Helper()
			require.NoError(t, s.Stop(t.Context()))
		},
		"killed": func(t *testing.T, s *postgres.Server) { victim.KillPostgres(t, s) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			folder := victim.Folder(t)
			server := victim.StartPostgres(t, folder)
			url := server.URL()
			v := newVictim(t, url)
			collection, loaders := newLoaders(t, v)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var group sync.WaitGroup
			errs := make([]error, len(loaders))
			for i, l := range loaders {
				group.Go(func() { errs[i] = l.run(ctx) })
			}
			for range 2 {
				time.Sleep(700 * time.Millisecond)
				end(t, server)
				server = victim.StartPostgres(t, folder)
				require.Equal(t, url, server.URL(), "it is reached as before")
				loads := sumOf(loaders, func(l *loading) int { return l.loads })
				require.Eventually(t, func() bool {
					return sumOf(loaders, func(l *loading) int { return l.loads }) > loads
				}, 30*time.Second, 20*time.Millisecond, "loads go on by themselves: %s", v.Log())
			}
			cancel()
			group.Wait()
			require.NoError(t, errors.Join(errs...))
			conn, err := pgx.Connect(t.Context(), url)
			require.NoError(t, err)
			defer func() { _ = conn.Close(context.Background()) }()
			var there, counted int
			require.NoError(t, conn.QueryRow(t.Context(), `
select (select count(*) from chunks where collection_id = $1), chunk_count from collections where id = $1`, collection).Scan(&there, &counted))
			total := sumOf(loaders, func(l *loading) int { return l.acknowledged })
			require.Equal(t, []int{total, total}, []int{there, counted})
		})
	}
}

func sumOf(loaders []*loading, of func(l *loading) int) int {
	sum := 0
	for _, l := range loaders {
		l.mu.Lock()
		sum += of(l)
		l.mu.Unlock()
	}
	return sum
}

// The disk that the tables lie on is full: a load and an upload are refused with the
// reason, nothing of them is there, and once there is room all of it works again.
func TestOutage_OfAFullDisk(t *testing.T) {
	onlyWithFaults(t)
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("a small file system can be mounted by root alone")
	}
	folder := victim.Folder(t)
	server := victim.StartPostgres(t, folder)
	ballast := onSmallDisk(t, server)
	server = victim.StartPostgres(t, folder)
	v := newVictim(t, server.URL())
	collection, loaders := newLoaders(t, v)
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	there := func() (n int) {
		require.NoError(t, conn.QueryRow(t.Context(), `select count(*) from chunks`).Scan(&n))
		return n
	}
	l := loaders[0]
	load := func() (int, string) {
		var body bytes.Buffer
		for range 5000 {
			fmt.Fprintf(&body, `{"document_id": %q, "chunk_index": %d, "content": "%s"}`+"\n", l.document, l.tried, strings.Repeat("a walrus ", 120))
			l.tried++
		}
		status, answer, err := l.send(t.Context(), "error", &body)
		require.NoError(t, err)
		return status, string(answer)
	}
	status, answer, before := 0, "", 0
	for range 100 {
		before = there()
		if status, answer = load(); status != http.StatusCreated {
			break
		}
	}
	require.Equal(t, http.StatusServiceUnavailable, status, answer)
	require.Contains(t, answer, "storage_full")
	require.Equal(t, before, there(), "nothing of it is there")
	require.Positive(t, before)

	require.NoError(t, os.Remove(ballast))
	status, answer = load()
	require.Equal(t, http.StatusCreated, status, answer)
	require.Equal(t, before+5000, there())
	var counted int
	require.NoError(t, conn.QueryRow(t.Context(), `select chunk_count from collections where id = $1`, collection).Scan(&counted))
	require.Equal(t, before+5000, counted)
}

// onSmallDisk stops the server and moves its tables, not its log of changes, to a file
// system that is nearly full, by a file that can be removed.
func onSmallDisk(t *testing.T, server *postgres.Server) (ballast string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), server.URL())
	require.NoError(t, err)
	var cluster string
	require.NoError(t, conn.QueryRow(t.Context(), `show data_directory`).Scan(&cluster))
	require.NoError(t, conn.Close(t.Context()))
	require.NoError(t, server.Stop(t.Context()))
	base, disk := filepath.Join(cluster, "base"), victim.Folder(t)
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=192m", "tmpfs", disk).CombinedOutput(); err != nil {
		t.Skipf("no file system can be mounted here: %s", out)
	}
	t.Cleanup(func() { _ = exec.CommandContext(context.Background(), "umount", "-l", disk).Run() })
	out, err := exec.CommandContext(t.Context(), "cp", "-a", base, filepath.Join(disk, "base")).CombinedOutput()
	require.NoError(t, err, string(out))
	require.NoError(t, os.RemoveAll(base))
	require.NoError(t, os.Symlink(filepath.Join(disk, "base"), base))
	ballast = filepath.Join(disk, "ballast")
	file, err := os.Create(ballast)
	require.NoError(t, err)
	_, err = io.CopyN(file, zeros{}, 80<<20)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return ballast
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
