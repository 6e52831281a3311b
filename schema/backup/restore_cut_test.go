package backup_test

import (
	"context"
	"net/url"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/schema"
	"semantik/schema/backup"
)

// stopAt is a progress that ends a context when a phase begins.
type stopAt struct {
	phase string
	stop  context.CancelFunc
}

func (s stopAt) Phase(name string, _ int64, _ bool) {
	if name == s.phase {
		s.stop()
	}
}
func (stopAt) Add(int64) {}

func TestRestore_ThatIsToldToStopPutsBackWhatWasThere(t *testing.T) {
	t.Parallel()
	made := made(t, "file.tar")
	for _, phase := range []string{"Making the schema", "Loading", "Building indexes", "Checking foreign keys", "Gathering statistics", "Checking"} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			target := occupied(t)
			ctx, stop := context.WithCancel(t.Context())
			_, err := backup.Restore(ctx, target, made, backup.RestoreOptions{Force: true, Common: backup.Common{Progress: stopAt{phase, stop}}})
			require.Error(t, err)
			requireAsBefore(t, target)
		})
	}
}

// slowLoad is a progress that takes its time over each piece that is loaded, so that one is
// being read whenever the loading ends, and that ends a context at one of them.
type slowLoad struct {
	loading *atomic.Bool
	left    *atomic.Int64
	stop    context.CancelFunc
}

func newSlowLoad(at int64, stop context.CancelFunc) slowLoad {
	s := slowLoad{new(atomic.Bool), new(atomic.Int64), stop}
	s.left.Store(at)
	return s
}

func (s slowLoad) Phase(name string, _ int64, _ bool) { s.loading.Store(name == "Loading") }

func (s slowLoad) Add(int64) {
	if !s.loading.Load() {
		return
	}
	if s.left.Add(-1) == 0 {
		s.stop()
	}
	<-time.After(5 * time.Millisecond)
}

// The driver may be reading rows when the loading ends, and reads on afterwards.
func TestRestore_ThatEndsWhileRowsAreReadPutsBackWhatWasThere(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	target := occupied(t)
	whole := open(t, path)
	for _, at := range []int64{1, 8, 30} {
		ctx, stop := context.WithCancel(t.Context())
		_, err := backup.Restore(ctx, target, whole, backup.RestoreOptions{Force: true, Common: backup.Common{Progress: newSlowLoad(at, stop)}})
		require.ErrorIs(t, err, context.Canceled)
		requireAsBefore(t, target)
	}
	flip(t, filepath.Join(path, "data", "public.documents"))
	_, err := backup.Restore(t.Context(), target, open(t, path),
		backup.RestoreOptions{Force: true, Common: backup.Common{Jobs: 4, Progress: newSlowLoad(0, func() {})}})
	require.ErrorIs(t, err, backup.ErrDamaged)
	requireAsBefore(t, target)
}

// A restore that is killed cannot put anything back. Nobody takes what it leaves for a
// whole database.
func TestRestore_ThatIsKilledIsBegunAgainOrTakenBack(t *testing.T) {
	t.Parallel()
	made := made(t, "file.tar")
	for _, how := range []string{"begun again", "taken back", "begun again where nothing was"} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			nothing := how == "begun again where nothing was"
			target := pgtest.Empty(t)
			if !nothing {
				target = occupied(t)
			}
			killed(t, target, made)
			pool, err := pgxpool.New(t.Context(), target)
			require.NoError(t, err)
			_, err = schema.New(pool, schema.Options{}).Apply(t.Context(), schema.ApplyOptions{SkipIfCurrent: true})
			require.ErrorIs(t, err, schema.ErrRestoring)
			status, err := schema.New(pool, schema.Options{}).Status(t.Context())
			pool.Close()
			require.NoError(t, err)
			require.Equal(t, schema.StateRestoring, status.State)
			for _, collections := range [][]string{nil, {"notes"}} {
				_, err = backup.Create(t.Context(), target, backup.CreateOptions{To: filepath.Join(t.TempDir(), "half.tar"), Collections: collections})
				require.ErrorIs(t, err, schema.ErrRestoring)
			}

			if how == "taken back" {
				undone, err := backup.Undo(t.Context(), target, backup.Common{})
				require.NoError(t, err)
				require.True(t, undone)
				requireAsBefore(t, target)
				undone, err = backup.Undo(t.Context(), target, backup.Common{})
				require.NoError(t, err)
				require.False(t, undone, "there is nothing more to take back")
				return
			}
			_, err = backup.Restore(t.Context(), target, made, backup.RestoreOptions{})
			if !nothing {
				require.ErrorIs(t, err, backup.ErrNotEmpty, "what was set aside counts")
				_, err = backup.Restore(t.Context(), target, made, backup.RestoreOptions{Force: true})
			}
			require.NoError(t, err)
			require.Equal(t, "alice,bob,root", query[string](t, target, users))
		})
	}
}

// killed leaves a database as a restore does that ends in the middle of its indexes.
func killed(t *testing.T, target string, b *backup.Backup) {
	t.Helper()
	reached, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := backup.Restore(t.Context(), target, b, backup.RestoreOptions{Force: true, Common: backup.Common{Progress: waitAt{"Checking foreign keys", reached, goOn}}})
		ended <- err
	}()
	<-reached
	// Its sessions end and it gets no other, so that it cannot put anything back.
	u, err := url.Parse(target)
	require.NoError(t, err)
	name := strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	exec(t, u.String(), "alter database "+name+" with allow_connections false")
	exec(t, u.String(), "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = '"+name+"'")
	close(goOn)
	require.Error(t, <-ended)
	exec(t, u.String(), "alter database "+name+" with allow_connections true")
}

type waitAt struct {
	phase         string
	reached, goOn chan struct{}
}

func (w waitAt) Phase(name string, _ int64, _ bool) {
	if name == w.phase {
		close(w.reached)
		<-w.goOn
	}
}
func (waitAt) Add(int64) {}

// doAt is a progress that does something when a phase begins.
type doAt struct {
	phase string
	do    func()
}

func (d doAt) Phase(name string, _ int64, _ bool) {
	if name == d.phase {
		d.do()
	}
}
func (doAt) Add(int64) {}

func TestRestore_LeavesWhatItCannotDropAndServersStart(t *testing.T) {
	t.Parallel()
	made := made(t, "file.tar")
	target := occupied(t)
	ctx, stop := context.WithCancel(t.Context())
	restored, err := backup.Restore(ctx, target, made, backup.RestoreOptions{Force: true, Common: backup.Common{Progress: doAt{"Checking", func() {
		exec(t, target, "create view names as select username from "+schema.AsideSchema+".users")
	}}}})
	stop()
	require.NoError(t, err)
	require.Contains(t, restored.LeftBecause, "view names")
	require.Equal(t, "alice,bob,root", query[string](t, target, users))
	require.Equal(t, "zoe", query[string](t, target, "select username from names"))
	require.Equal(t, "zoe", query[string](t, target, "select username from "+restored.LeftIn+".users"))
	requireStarts(t, target)
}
