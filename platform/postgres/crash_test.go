package postgres_test

import (
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestServer_killed(t *testing.T) {
	t.Parallel()
	o := options(t, usedDir(t))
	o.Settings = map[string]string{"synchronous_commit": "on"}
	s := start(t, o)
	execute(t, s.URL(), "create table kept as select 42 as answer")

	require.NoError(t, syscall.Kill(s.PID(), syscall.SIGKILL))
	<-s.Done()
	require.ErrorIs(t, s.Err(), postgres.ErrEnded)
	require.ErrorContains(t, s.Err(), "signal: killed")
	require.ErrorContains(t, s.Err(), "ready to accept connections", "the last lines of the log")
	stop(t, s)

	again := start(t, o)
	require.Equal(t, "42", query(t, again.URL(), "select answer::text from kept"))
}

func TestServer_endsWithItsParent(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	parent, pid := startHelper(t, dir)
	running, err := postgres.FindRunning(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, pid, running.PID)
	execute(t, running.URL, "create table kept as select 42 as answer")

	require.NoError(t, parent.Process.Kill())
	_ = parent.Wait()
	if runtime.GOOS == "linux" {
		eventually(t, "the server ends by itself", func() bool { return !alive(pid) })
	}
	again := start(t, options(t, dir))
	require.False(t, alive(pid))
	require.Equal(t, "42", query(t, again.URL(), "select answer::text from kept"))
}

func TestStart_refusesASecondInstance(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	first, pid := startHelper(t, dir)

	_, err := postgres.Start(t.Context(), options(t, dir))
	require.ErrorIs(t, err, postgres.ErrInUse)
	require.ErrorContains(t, err, "process "+itoa(first.Process.Pid)+")")
	require.True(t, alive(pid), "the first is not disturbed")

	link := filepath.Join(tempDir(t), "link")
	require.NoError(t, os.Symlink(dir, link))
	_, err = postgres.Start(t.Context(), options(t, link))
	require.ErrorIs(t, err, postgres.ErrInUse, "nor is it by another name")
}

func TestStart_refusesASecondInstanceInOneProcess(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	s := start(t, options(t, dir))
	_, err := postgres.Start(t.Context(), options(t, dir))
	require.ErrorIs(t, err, postgres.ErrInUse)
	require.ErrorContains(t, err, "process "+itoa(os.Getpid())+")")
	stop(t, s)
	start(t, options(t, dir))
}

// byHand starts a server on the cluster as somebody other than us would, who
// does not wait for it.
func byHand(t *testing.T, dir string, args ...string) (pid int) {
	t.Helper()
	cluster := filepath.Join(dir, "postgres")
	// The settings beside a copied cluster still name the socket of the original.
	args = append([]string{"-D", cluster, "-c", "unix_socket_directories=" + filepath.Join(dir, "run")}, args...)
	cmd := asOwner(t, cluster, filepath.Join(binaries(t).Dir, "postgres"), args...)
	log, err := os.Create(filepath.Join(dir, "by-hand.log"))
	require.NoError(t, err)
	cmd.Stdout, cmd.Stderr = log, log
	require.NoError(t, cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		_ = log.Close()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT)
		<-ended
	})
	eventually(t, "the server is ready", func() bool {
		b, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
		return err == nil && strings.Contains(string(b), "ready")
	})
	return cmd.Process.Pid
}

func TestStart_endsAServerThatWasLeftOver(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	o := options(t, dir)
	leftover := byHand(t, dir, "-c", postgres.ServerMark)

	s := start(t, o)
	require.NotEqual(t, leftover, s.PID())
	require.False(t, alive(leftover))
	require.Equal(t, "1", query(t, s.URL(), "select '1'"))
}

func TestStart_leavesAloneAServerStartedByHand(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	o := options(t, dir)
	other := byHand(t, dir)

	_, err := postgres.Start(t.Context(), o)
	require.ErrorIs(t, err, postgres.ErrForeignServer)
	require.ErrorContains(t, err, "process "+itoa(other)+")")
	require.True(t, alive(other))
	_, err = postgres.FindRunning(t.Context(), dir)
	require.ErrorIs(t, err, postgres.ErrNotRunning)
}

func TestStart_seesThroughAStalePIDFile(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	o := options(t, dir)
	s := start(t, o)
	cluster := filepath.Join(dir, "postgres")
	pidFile := filepath.Join(cluster, "postmaster.pid")
	full, err := os.ReadFile(pidFile)
	require.NoError(t, err)
	socketLock, err := os.ReadFile(filepath.Join(dir, "run", ".s.PGSQL.5432.lock"))
	require.NoError(t, err)
	stop(t, s)

	// Another program of the same account has the number by now.
	stranger := asOwner(t, cluster, "sleep", "600")
	require.NoError(t, stranger.Start())
	t.Cleanup(func() {
		_ = stranger.Process.Kill()
		_ = stranger.Wait()
	})
	withPID := func(b []byte, pid int) string {
		_, rest, _ := strings.Cut(string(b), "\n")
		return itoa(pid) + "\n" + rest
	}
	leave := func(path, content string) {
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		owner := ownerOf(t, cluster)
		require.NoError(t, os.Chown(path, int(owner.Uid), int(owner.Gid)))
	}
	for name, content := range map[string]string{
		"another program has the number":    withPID(full, stranger.Process.Pid),
		"our own process has the number":    withPID(full, os.Getpid()),
		"the first process has the number":  withPID(full, 1),
		"no process has the number":         withPID(full, 1<<22-7),
		"the file is empty":                 "",
		"the file is cut off in its number": "12",
		"the file holds something else":     "?\n?\n",
	} {
		t.Run(name, func(t *testing.T) {
			leave(pidFile, content)
			leave(filepath.Join(dir, "run", ".s.PGSQL.5432.lock"), withPID(socketLock, stranger.Process.Pid))
			leave(filepath.Join(dir, "run", ".s.PGSQL.5432"), "")
			s := start(t, o)
			require.Equal(t, "1", query(t, s.URL(), "select '1'"))
			stop(t, s)
			require.True(t, alive(stranger.Process.Pid))
		})
	}
}

func TestStart_goesOnAfterAnInitialisationThatWasBrokenOff(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	half := filepath.Join(dir, "postgres.initialising", "data")
	require.NoError(t, os.MkdirAll(half, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(half, "PG_VERSION"), []byte("18\n"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "postgres"), 0o700))
	start(t, options(t, dir))
	require.NoDirExists(t, filepath.Join(dir, "postgres.initialising"))
}

func TestStart_thePasswordFile(t *testing.T) {
	t.Parallel()
	dir := usedDir(t)
	o := options(t, dir)
	s := start(t, o)
	execute(t, s.URL(), "create table kept as select 42 as answer")
	stop(t, s)
	file := filepath.Join(dir, "postgres.password")
	before, err := os.ReadFile(file)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(file, []byte("wrong\n"), 0o600))
	_, err = postgres.Start(t.Context(), o)
	require.ErrorIs(t, err, postgres.ErrStart)
	require.ErrorContains(t, err, "Remove that file and start again")

	require.NoError(t, os.Remove(file))
	s = start(t, o)
	require.Equal(t, "42", query(t, s.URL(), "select answer::text from kept"))
	after, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
	log, err := os.ReadFile(filepath.Join(dir, "postgres.log"))
	require.NoError(t, err)
	require.NotContains(t, string(log), strings.TrimSpace(string(after)))
}
