package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/config"
)

func loadFile(t *testing.T, content string) (*config.Config, error) {
	t.Helper()
	return config.Load(config.Options{EnvFile: envFile(t, content), Environ: []string{}})
}

func TestEnvFile_syntax(t *testing.T) {
	t.Parallel()
	c, err := loadFile(t, "\xef\xbb\xbf# a comment with $NAME and ${UNKNOWN_BUT_COMMENTED\n"+
		"export DB_POOL_SIZE = 7   # seven\r\n\r\n"+
		"LOG_FORMAT=\"json\"\nSEMANTIK_ADMIN_USER='operator'\nDB_MAX_OVERFLOW=\nDB_RETRY_LIMIT: 5\n")
	require.NoError(t, err)
	require.Equal(t, 7, c.Database.PoolSize)
	require.Equal(t, "json", c.Log.Format)
	require.Equal(t, "operator", c.Auth.AdminUser)
	require.Equal(t, 40, c.Database.MaxOverflow, "an empty value is not set")
	require.Equal(t, 5, c.Database.RetryLimit)
}

func TestEnvFile_aDollarInAPasswordIsLeftAlone(t *testing.T) {
	t.Parallel()
	for _, written := range []string{`pa$$word$1$HOME`, `"pa$$word$1$HOME"`, `'pa$$word$1$HOME'`, `pa\$\$word\$1\$HOME`} {
		c, err := loadFile(t, "SEMANTIK_ADMIN_PASSWORD="+written+"\n")
		require.NoError(t, err)
		require.Equal(t, `pa$$word$1$HOME`, c.Auth.AdminPassword, written)
	}
}

func TestEnvFile_refersToAnEarlierVariable(t *testing.T) {
	t.Parallel()
	c, err := loadFile(t, "PW=secret\nSEMANTIK_ADMIN_PASSWORD=${PW}${PW}\nSEMANTIK_DATA=/x/${NOT_SET}y\n")
	require.NoError(t, err)
	require.Equal(t, "secretsecret", c.Auth.AdminPassword)
	require.Equal(t, "/x/y", c.Store.DataDir)
	require.Len(t, c.Warnings(), 1)
	require.Contains(t, c.Warnings()[0], "refers to ${NOT_SET}, which it does not set")
}

func TestEnvFile_whatIsWrong(t *testing.T) {
	t.Parallel()
	t.Run("a line that is not NAME=value is named and not quoted", func(t *testing.T) {
		t.Parallel()
		_, err := loadFile(t, "DB_POOL_SIZE=3\nNOTE='two\nlines'\nhunter2 is the password\nDB_ECHO=1\n")
		require.ErrorContains(t, err, "line 4")
		require.NotContains(t, err.Error(), "hunter2")
	})
	t.Run("the rest is checked all the same", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load(config.Options{EnvFile: envFile(t, "?"), Environ: []string{"DB_POOL_SIZE=x"}})
		require.Len(t, problems(t, err), 2)
	})
	t.Run("a file that is named must be there", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load(config.Options{EnvFile: filepath.Join(t.TempDir(), "none"), Environ: []string{}})
		require.ErrorContains(t, err, "no such file")
	})
	t.Run("a folder is not a file", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load(config.Options{EnvFile: t.TempDir(), Environ: []string{}})
		require.ErrorContains(t, err, "is not a file")
	})
	t.Run("a huge file is refused", func(t *testing.T) {
		t.Parallel()
		_, err := loadFile(t, strings.Repeat("A=b\n", 1<<19))
		require.ErrorContains(t, err, "larger than 1MiB")
	})
	t.Run("a null device is not a file", func(t *testing.T) {
		t.Parallel()
		_, err := config.Load(config.Options{EnvFile: os.DevNull, Environ: []string{}})
		require.ErrorContains(t, err, "is not a file")
	})
}
