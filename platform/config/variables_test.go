package config_test

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"semantik/platform/config"
)

func TestVariables_areWellFormed(t *testing.T) {
	t.Parallel()
	names, flags := map[string]bool{}, map[string]bool{}
	for _, v := range config.Variables() {
		require.Regexp(t, `^[A-Z][A-Z_]+$`, v.Name)
		require.False(t, names[v.Name], v.Name)
		names[v.Name] = true
		require.NotEmpty(t, v.Allowed(), v.Name)
		require.Regexp(t, `^[A-Z].*\.$`, v.Description, "a description is a sentence")
		require.NotEmpty(t, v.Group)
		require.Equal(t, v.Secret, v.Flag == "", "a secret has no flag: the command line shows in the list of processes")
		if v.Flag != "" {
			require.False(t, flags[v.Flag], v.Flag)
			flags[v.Flag] = true
		}
	}
	for _, name := range []string{
		"DATABASE_URL", "POSTGRES_HOST", "POSTGRES_PORT", "POSTGRES_DB", "POSTGRES_USER", "POSTGRES_PASSWORD",
		"DB_POOL_SIZE", "DB_MAX_OVERFLOW", "DB_POOL_TIMEOUT", "DB_POOL_RECYCLE", "DB_POOL_PRE_PING", "DB_QUERY_TIMEOUT",
		"DB_ECHO", "DB_ECHO_POOL", "DB_RETRY_LIMIT", "DB_RETRY_INTERVAL", "CHUNK_PARTITION_COUNT",
		"JWT_SECRET_KEY", "ACCESS_TOKEN_EXPIRE_MINUTES", "REFRESH_TOKEN_EXPIRE_DAYS", "BCRYPT_COST", "ALLOW_REGISTRATION",
		"CORS_ORIGINS", "HTTP_ADDR", "PPROF_ADDR", "SHUTDOWN_TIMEOUT", "LOG_LEVEL", "LOG_FORMAT",
		"SEMANTIK_DATA", "SEMANTIK_POSTGRES_BIN", "SEMANTIK_POSTGRES_SETTINGS", "SEMANTIK_ADMIN_USER", "SEMANTIK_ADMIN_PASSWORD", "INTERNAL_API_KEY",
		"BACKUP_DIR", "ARCHIVE_DIR", "MAX_UPLOAD_BYTES", "MAX_BODY_BYTES", "MAX_CHUNK_CHARACTERS", "MAX_JSON_BATCH_ROWS", "SEARCH_TIMEOUT", "BULK_LOAD_TIMEOUT",
		"WORKER_CONCURRENCY", "OPERATION_MAX_ATTEMPTS", "OPERATION_LEASE_SECONDS",
		"DISABLE_RATE_LIMITING", "TRUSTED_PROXIES", "RATE_LIMIT_GENERAL", "RATE_LIMIT_SEARCH", "RATE_LIMIT_LOGIN", "RATE_LIMIT_REGISTER",
		"RATE_LIMIT_REFRESH", "RATE_LIMIT_COLLECTIONS", "RATE_LIMIT_API_KEYS", "MAX_CONCURRENT_UPLOADS",
		"DOCUMENT_ROOTS",
	} {
		require.True(t, names[name], name)
	}
}

// A default must be a value that the variable accepts, or nobody could write it
// down.
func TestVariables_defaultsAreAllowed(t *testing.T) {
	t.Parallel()
	for _, v := range config.Variables() {
		if v.Default != "" {
			_, err := load(t, v.Name+"="+v.Default)
			require.NoError(t, err, v.Name)
		}
	}
}

func TestMarkdownAndHelp_nameEveryVariable(t *testing.T) {
	t.Parallel()
	markdown, help := config.Markdown(), config.Help()
	for _, v := range config.Variables() {
		require.Contains(t, markdown, "| `"+v.Name+"` |")
		require.Contains(t, help, "  "+v.Name+"\n")
	}
	require.Contains(t, markdown, "| `DB_POOL_SIZE` | `--db-pool-size` | `20` | a whole number from 1 to 1000 | Database connections that are kept. |\n")
	require.Contains(t, markdown, "### Embedded PostgreSQL\n")
}

func TestAddFlags_onlyThoseNamed(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags, "HTTP_ADDR", "SEMANTIK_DATA", "JWT_SECRET_KEY")
	var got []string
	flags.VisitAll(func(f *pflag.Flag) { got = append(got, f.Name) })
	require.Equal(t, []string{"data", "env-file", "http-addr"}, got)
	require.NoError(t, flags.Parse([]string{"--env-file", "x.env"}))
	require.Equal(t, "x.env", config.FromFlags(flags).EnvFile)
}
