package postgres_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"semantik/platform/postgres"
)

// helperVariable makes the test binary a Semantik of its own, on the data
// directory that it names: some tests need one that can be killed.
const helperVariable = "SEMANTIK_TEST_HELPER_DATA"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperVariable); dir != "" {
		os.Exit(helper(dir))
	}
	code := m.Run()
	if dir, _ := seed(); dir != "" {
		_ = os.RemoveAll(dir)
	}
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Println(err)
			code = 1
		}
	}
	os.Exit(code)
}

// helper starts a server, says so, and stops it when its input is closed.
func helper(dir string) int {
	ctx := context.Background()
	s, err := postgres.Start(ctx, postgres.Options{
		DataDir: dir, BinDir: os.Getenv("SEMANTIK_TEST_HELPER_BIN"), Ephemeral: true,
		Settings: map[string]string{"synchronous_commit": "on"}, // what is committed must outlive a kill
	})
	if err != nil {
		fmt.Println("error:", err)
		return 1
	}
	fmt.Println("ready:", s.PID())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := s.Stop(ctx); err != nil {
		fmt.Println("error:", err)
		return 1
	}
	return 0
}

// startHelper gives the running helper and its server's process id.
func startHelper(t *testing.T, dir string, env ...string) (cmd *exec.Cmd, serverPID int) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd = exec.Command(self)
	cmd.Env = append(os.Environ(), helperVariable+"="+dir, "SEMANTIK_TEST_HELPER_BIN="+binaries(t).Dir)
	cmd.Env = append(cmd.Env, env...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	require.NoError(t, err)
	_, err = fmt.Sscanf(line, "ready: %d", &serverPID)
	require.NoError(t, err, line)
	return cmd, serverPID
}

// found is looked for once: what SEMANTIK_POSTGRES_BIN names, what an earlier run
// fetched, what is installed, or a download.
var found = sync.OnceValues(func() (postgres.Binaries, error) {
	return postgres.FindBinaries(context.Background(), postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
})

func binaries(t *testing.T) postgres.Binaries {
	t.Helper()
	b, err := found()
	require.NoError(t, err)
	return b
}

// tempDir is t.TempDir, but short, and as root open to the account that the
// server runs as, which the testing package's is not.
func tempDir(t *testing.T) string {
	t.Helper()
	return tempDirIn(t, "/tmp")
}

// dataDir is a tempDir for clusters: in memory where there is enough, since a
// cluster has a thousand files, and some file systems are slow to make files
// after many were removed.
func dataDir(t *testing.T) string {
	t.Helper()
	return tempDirIn(t, dataRoot())
}

var dataRoot = sync.OnceValue(func() string {
	const memory = "/dev/shm"
	var fs unix.Statfs_t
	if err := unix.Statfs(memory, &fs); err == nil && fs.Bavail*uint64(fs.Bsize) > 4<<30 {
		return memory
	}
	return "/tmp"
})

func tempDirIn(t *testing.T, parent string) string {
	t.Helper()
	dir, err := os.MkdirTemp(parent, "pg")
	require.NoError(t, err)
	require.NoError(t, os.Chmod(dir, 0o711))
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	dir, err = filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	return dir
}

func options(t *testing.T, dataDir string) postgres.Options {
	t.Helper()
	return postgres.Options{DataDir: dataDir, BinDir: binaries(t).Dir, Ephemeral: true}
}

// seed is a data directory that was used once, to be copied: making a cluster is
// what takes the longest.
var seed = sync.OnceValues(func() (dir string, err error) {
	b, err := found()
	if err != nil {
		return "", err
	}
	if dir, err = os.MkdirTemp(dataRoot(), "pgseed"); err != nil {
		return "", err
	}
	s, err := postgres.Start(context.Background(), postgres.Options{DataDir: dir, BinDir: b.Dir, Ephemeral: true})
	if err != nil {
		return dir, err
	}
	return dir, s.Stop(context.Background())
})

// usedDir is a data directory of its own whose server is stopped.
func usedDir(t *testing.T) string {
	t.Helper()
	from, err := seed()
	require.NoError(t, err)
	dir := filepath.Join(dataDir(t), "data")
	copyTree(t, from, dir)
	return dir
}

// copyTree keeps owners and modes.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	out, err := exec.Command("cp", "-a", from, to).CombinedOutput()
	require.NoError(t, err, string(out))
}

// start starts a server that is stopped with the test.
func start(t *testing.T, o postgres.Options) *postgres.Server {
	t.Helper()
	s, err := postgres.Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { stop(t, s) })
	return s
}

func stop(t *testing.T, s *postgres.Server) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	require.NoError(t, s.Stop(ctx))
}

// query gives the one value of a statement, as text.
func query(t *testing.T, url, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(context.Background())) }()
	var value string
	require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&value))
	return value
}

func execute(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), sql)
	require.NoError(t, err)
	require.NoError(t, conn.Close(context.Background()))
}

// eventually waits for something that no channel tells of: another program's end.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 20*time.Second, 20*time.Millisecond, what)
}

// alive reports whether a process runs; one that is dead and not reaped does not.
func alive(pid int) bool {
	if runtime.GOOS == "linux" {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		return err == nil && !strings.Contains(string(stat), ") Z ")
	}
	out, err := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && !strings.HasPrefix(strings.TrimSpace(string(out)), "Z")
}

// userOf is the account that a process runs as.
func userOf(t *testing.T, pid int) int {
	t.Helper()
	if runtime.GOOS == "linux" {
		return int(ownerOf(t, fmt.Sprintf("/proc/%d", pid)).Uid)
	}
	out, err := exec.Command("ps", "-o", "uid=", "-p", strconv.Itoa(pid)).Output()
	require.NoError(t, err)
	var uid int
	_, err = fmt.Sscan(string(out), &uid)
	require.NoError(t, err)
	return uid
}

// ownerOf is the user that a path belongs to.
func ownerOf(t *testing.T, path string) *syscall.Stat_t {
	t.Helper()
	info, err := os.Lstat(path)
	require.NoError(t, err)
	st, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return st
}

// asOwner prepares a command that runs as the owner of a path, since a server's
// files and signals are for that account.
func asOwner(t *testing.T, path, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{}
	if os.Geteuid() == 0 {
		st := ownerOf(t, path)
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
	}
	return cmd
}

// snapshot maps every file below a folder to its mode and content.
func snapshot(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		content := ""
		if info.Mode().IsRegular() {
			b, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			content = string(b)
		}
		files[path] = info.Mode().String() + " " + content
		return nil
	}))
	return files
}
