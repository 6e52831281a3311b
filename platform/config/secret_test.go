package config_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/config"
)

func TestLoadOrCreateSecret(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "deep", "er", "jwt.key")
	first, err := config.LoadOrCreateSecret(path)
	require.NoError(t, err)
	require.Len(t, first, 43)
	again, err := config.LoadOrCreateSecret(path)
	require.NoError(t, err)
	require.Equal(t, first, again)

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm())
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing temporary is left")
}

func TestLoadOrCreateSecret_allWhoStartAtOnceGetTheSame(t *testing.T) {
	t.Parallel()
	for range 20 {
		path := filepath.Join(t.TempDir(), "jwt.key")
		secrets := make([]string, 16)
		errs := make([]error, len(secrets))
		start := make(chan struct{})
		var group sync.WaitGroup
		for i := range secrets {
			group.Go(func() {
				<-start
				secrets[i], errs[i] = config.LoadOrCreateSecret(path)
			})
		}
		close(start)
		group.Wait()
		for i := range secrets {
			require.NoError(t, errs[i])
			require.Equal(t, secrets[0], secrets[i])
		}
	}
}

// The same between processes: this test runs its own binary several times.
func TestLoadOrCreateSecret_betweenProcesses(t *testing.T) {
	if path := os.Getenv("TEST_SECRET_PATH"); path != "" {
		secret, err := config.LoadOrCreateSecret(path)
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(os.Getenv("TEST_SECRET_OUT"), []byte(secret), 0o600))
		return
	}
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "jwt.key")
	var commands []*exec.Cmd
	var outs []string
	for _, name := range []string{"a", "b", "c", "d"} {
		outs = append(outs, filepath.Join(dir, name))
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestLoadOrCreateSecret_betweenProcesses$")
		cmd.Env = append(os.Environ(), "TEST_SECRET_PATH="+path, "TEST_SECRET_OUT="+filepath.Join(dir, name))
		require.NoError(t, cmd.Start())
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		require.NoError(t, cmd.Wait())
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, out := range outs {
		got, err := os.ReadFile(out)
		require.NoError(t, err)
		require.Equal(t, strings.TrimSpace(string(want)), string(got))
	}
}

func TestLoadOrCreateSecret_refuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("s", 40)
	write := func(t *testing.T, content string, mode os.FileMode) string {
		t.Helper()
		path := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
		require.NoError(t, os.Chmod(path, mode))
		return path
	}
	t.Run("a file that others can read", func(t *testing.T) {
		t.Parallel()
		_, err := config.LoadOrCreateSecret(write(t, long, 0o644))
		require.ErrorContains(t, err, "chmod 600")
		require.NotContains(t, err.Error(), long)
	})
	t.Run("a file that is too short, and leaves it as it is", func(t *testing.T) {
		t.Parallel()
		path := write(t, "short\n", 0o600)
		_, err := config.LoadOrCreateSecret(path)
		require.ErrorContains(t, err, "has 5 bytes and needs 32")
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, "short\n", string(data))
	})
	t.Run("a folder", func(t *testing.T) {
		t.Parallel()
		_, err := config.LoadOrCreateSecret(t.TempDir())
		require.ErrorContains(t, err, "is not a file")
	})
	t.Run("a link that leads nowhere", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "key")
		require.NoError(t, os.Symlink("/nowhere/at/all", path))
		_, err := config.LoadOrCreateSecret(path)
		require.Error(t, err)
	})
	t.Run("and takes white space around a good one", func(t *testing.T) {
		t.Parallel()
		secret, err := config.LoadOrCreateSecret(write(t, "  "+long+"\n\n", 0o400))
		require.NoError(t, err)
		require.Equal(t, long, secret)
	})
}
