package config_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"semantik/platform/config"
)

// load reads only what the test gives: no environment, no file of the machine.
func load(t *testing.T, environ ...string) (*config.Config, error) {
	t.Helper()
	return config.Load(config.Options{Environ: append([]string{}, environ...), NoEnvFile: true})
}

func mustLoad(t *testing.T, environ ...string) *config.Config {
	t.Helper()
	c, err := load(t, environ...)
	require.NoError(t, err)
	return c
}

func problems(t *testing.T, err error) map[string]string {
	t.Helper()
	var e *config.Error
	require.ErrorAs(t, err, &e)
	byName := map[string]string{}
	for _, p := range e.Problems {
		byName[p.Variable] = p.String()
	}
	return byName
}

func envFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "settings.env")
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestLoad_defaults(t *testing.T) {
	t.Parallel()
	c := mustLoad(t)
	require.Empty(t, c.DatabaseURL(), "no database given means the embedded one")
	require.Empty(t, c.Warnings())
	require.Equal(t, config.Database{
		PoolSize: 20, MaxOverflow: 40, PoolTimeout: 30 * time.Second, PoolRecycle: time.Hour, PoolPrePing: true,
		QueryTimeout: 30 * time.Second, RetryLimit: 3, RetryInterval: 500 * time.Millisecond, PartitionCount: 100,
	}, c.Database)
	require.Equal(t, config.Auth{
		AccessTTL: 30 * time.Minute, RefreshTTL: 30 * 24 * time.Hour, BcryptCost: 12, AllowRegistration: true, AdminUser: "admin",
	}, c.Auth)
	require.Equal(t, config.HTTP{
		Addr: "127.0.0.1:8080", ShutdownTimeout: 3 * time.Second, SocketsPerUser: 10, Sockets: 10_000, SocketPing: 30 * time.Second,
	}, c.HTTP)
	require.Equal(t, config.Log{Level: slog.LevelInfo, Format: "text"}, c.Log)
	require.Equal(t, config.Limits{UploadBytes: 100 << 20, BodyBytes: 1 << 20, ChunkCharacters: 1_000_000, BatchRows: 10_000, SearchTimeout: 10 * time.Second, LoadTimeout: 10 * time.Minute}, c.Limits)
	require.Equal(t, config.RateLimits{
		General: config.Rate{Count: 1000, Per: time.Minute}, Search: config.Rate{Count: 120, Per: time.Minute},
		Login: config.Rate{Count: 10, Per: time.Minute}, Register: config.Rate{Count: 10, Per: time.Minute},
		Refresh: config.Rate{Count: 60, Per: time.Minute}, Collections: config.Rate{Count: 60, Per: time.Minute},
		APIKeys: config.Rate{Count: 20, Per: time.Hour}, Uploads: 32,
	}, c.RateLimits)
	require.Equal(t, config.Operations{Concurrency: 2, MaxAttempts: 3, Lease: 20 * time.Second, Slice: 3 * time.Second, LimitPerUser: 4, PurgeRows: 5000, PurgePause: 10 * time.Millisecond}, c.Operations)
	require.True(t, filepath.IsAbs(c.Store.DataDir))
	require.NotNil(t, c.Store.PostgresSettings)
}

func TestLoad_precedence(t *testing.T) {
	t.Parallel()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	config.AddFlags(flags)
	require.NoError(t, flags.Parse([]string{"--db-pool-size=4", "--db-echo", "--log-level=", "--data", "/flag"}))
	c, err := config.Load(config.Options{
		EnvFile: envFile(t, "DB_POOL_SIZE=2\nDB_MAX_OVERFLOW=2\nDB_RETRY_LIMIT=2\nLOG_LEVEL=debug\n"),
		Environ: []string{"DB_POOL_SIZE=3", "DB_MAX_OVERFLOW=3", "DB_RETRY_LIMIT=", "LOG_LEVEL= warn "},
		Flags:   flags,
	})
	require.NoError(t, err)
	require.Equal(t, 4, c.Database.PoolSize, "a flag is the strongest")
	require.True(t, c.Database.Echo, "a flag for true or false may stand alone")
	require.Equal(t, "/flag", c.Store.DataDir)
	require.Equal(t, 3, c.Database.MaxOverflow, "the environment goes before the file")
	require.Equal(t, 2, c.Database.RetryLimit, "an empty value is not set")
	require.Equal(t, slog.LevelWarn, c.Log.Level, "an empty flag is not given, and space around a value is nothing")

	sources := map[string]config.Source{}
	for _, s := range c.Settings() {
		sources[s.Variable.Name] = s.Source
	}
	require.Equal(t, config.SourceFlag, sources["DB_POOL_SIZE"])
	require.Equal(t, config.SourceEnvironment, sources["DB_MAX_OVERFLOW"])
	require.Equal(t, config.SourceFile, sources["DB_RETRY_LIMIT"])
	require.Equal(t, config.SourceDefault, sources["DB_POOL_TIMEOUT"])
}

func TestLoad_allErrorsAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load(t, "DB_POOL_SIZE=many", "DB_POOL_TIMEOUT=-1", "MAX_BODY_BYTES=1XB", "CORS_ORIGINS=*",
		"JWT_SECRET_KEY=hunter2", "HTTP_ADDR=localhost", "LOG_LEVEL=loud", "DB_ECHO=perhaps",
		"DATABASE_URL=mysql://root:hunter2@db/x", "SEMANTIK_ADMIN_PASSWORD=hunter2", "SEMANTIK_POSTGRES_SETTINGS=work_mem")
	got := problems(t, err)
	require.Len(t, got, 11)
	require.Equal(t, `DB_POOL_SIZE="many" (environment): must be a whole number from 1 to 1000`, got["DB_POOL_SIZE"])
	require.Contains(t, got["DB_POOL_TIMEOUT"], "from 1ms to 1h")
	require.Contains(t, got["CORS_ORIGINS"], "credentials")
	require.Contains(t, got["JWT_SECRET_KEY"], "key 1 has 7 bytes")
	require.Contains(t, got["DATABASE_URL"], "scheme is not postgres")
	require.Contains(t, err.Error(), "11 settings are wrong:\n")
	require.NotContains(t, err.Error(), "hunter2", "no secret is in an error")
}

func TestLoad_values(t *testing.T) {
	t.Parallel()
	key, second := strings.Repeat("k", 32), strings.Repeat("s", 40)
	c := mustLoad(t, "DB_POOL_TIMEOUT=1m30s", "DB_QUERY_TIMEOUT=0", "DB_RETRY_INTERVAL=0.25", "ACCESS_TOKEN_EXPIRE_MINUTES=90s",
		"REFRESH_TOKEN_EXPIRE_DAYS=0.5", "MAX_UPLOAD_BYTES=1.5GiB", "MAX_BODY_BYTES=2 MB", "LOG_FORMAT=JSON", "LOG_LEVEL=CRITICAL",
		"JWT_SECRET_KEY="+key+" , "+second, "CORS_ORIGINS=https://App.example.com/, http://localhost:3000,https://app.example.com",
		"SEMANTIK_POSTGRES_SETTINGS=shared_buffers=1GB, shared_preload_libraries='a,b' ,Search_Path='it''s',pg_stat_statements.max=10",
		"DB_ECHO=yes", "ALLOW_REGISTRATION=off", "SEMANTIK_DATA=some/where", "HTTP_ADDR=:0")
	require.Equal(t, 90*time.Second, c.Database.PoolTimeout)
	require.Zero(t, c.Database.QueryTimeout)
	require.Equal(t, 250*time.Millisecond, c.Database.RetryInterval)
	require.Equal(t, 90*time.Second, c.Auth.AccessTTL, "a duration is read as such whatever the unit of a bare number")
	require.Equal(t, 12*time.Hour, c.Auth.RefreshTTL)
	require.EqualValues(t, 3<<29, c.Limits.UploadBytes)
	require.EqualValues(t, 2_000_000, c.Limits.BodyBytes)
	require.Equal(t, config.Log{Level: slog.LevelError, Format: "json"}, c.Log)
	require.Equal(t, []string{key, second}, c.Auth.Keys)
	require.Equal(t, []string{"https://app.example.com", "http://localhost:3000"}, c.HTTP.CORSOrigins)
	require.Equal(t, map[string]string{
		"shared_buffers": "1GB", "shared_preload_libraries": "a,b", "search_path": "it's", "pg_stat_statements.max": "10",
	}, c.Store.PostgresSettings)
	require.True(t, c.Database.Echo)
	require.False(t, c.Auth.AllowRegistration)
	require.True(t, filepath.IsAbs(c.Store.DataDir))
}

func TestLoad_refused(t *testing.T) {
	t.Parallel()
	for _, entry := range []string{
		"DB_POOL_TIMEOUT=NaN", "DB_POOL_TIMEOUT=1e300", "DB_POOL_TIMEOUT=Inf", "DB_POOL_SIZE=0", "DB_POOL_SIZE=20.5", "DB_POOL_SIZE=99999999999999999999",
		"MAX_UPLOAD_BYTES=-1", "MAX_UPLOAD_BYTES=NaN", "MAX_UPLOAD_BYTES=9999999999TiB", "MAX_UPLOAD_BYTES=0", "MAX_BODY_BYTES=1",
		"HTTP_ADDR=127.0.0.1:99999", "PPROF_ADDR=:6060", "PPROF_ADDR=0.0.0.0:6060", "PPROF_ADDR=10.0.0.1:6060", "PPROF_ADDR=example.com:6060", "PPROF_ADDR=127.0.0.1", "HTTP_ADDR=127.0.0.1:http", "HTTP_ADDR=::1:80", "CORS_ORIGINS=https://a.example/path", "CORS_ORIGINS=null",
		"CORS_ORIGINS=https://*.example.com", "CORS_ORIGINS=ftp://a", "SEMANTIK_ADMIN_USER=a b", "POSTGRES_PORT=0", "POSTGRES_HOST=db:5432",
		"SEMANTIK_POSTGRES_SETTINGS=a='b", "SEMANTIK_POSTGRES_SETTINGS=a b=c", "BCRYPT_COST=3", "LOG_FORMAT=xml",
		"JWT_SECRET_KEY=" + strings.Repeat("k", 32) + "," + strings.Repeat("k", 32), "JWT_SECRET_KEY=" + strings.Repeat("k", 32) + ",",
	} {
		name, _, _ := strings.Cut(entry, "=")
		_, err := load(t, entry)
		require.Contains(t, problems(t, err), name, entry)
	}
	_, err := load(t, "ACCESS_TOKEN_EXPIRE_MINUTES=2880", "REFRESH_TOKEN_EXPIRE_DAYS=1")
	require.Contains(t, problems(t, err)["ACCESS_TOKEN_EXPIRE_MINUTES"], "must not outlive")
}

func TestLoad_warnsOfMisspeltNames(t *testing.T) {
	t.Parallel()
	c, err := config.Load(config.Options{
		EnvFile: envFile(t, "DB_POOLSIZE=2\nSEMANTIK_DTA=/x\nOTHER=1\nSEMANTIK_URL=x\n"),
		Environ: []string{"SEMANTIK_ADMN_USER=root", "DB_HOST=somebody-elses"},
		Others:  []string{"SEMANTIK_URL"},
	})
	require.NoError(t, err)
	warnings := strings.Join(c.Warnings(), "\n")
	require.Contains(t, warnings, "DB_POOLSIZE in .env is not a setting and is ignored. Is DB_POOL_SIZE meant?")
	require.Contains(t, warnings, "Is SEMANTIK_DATA meant?")
	require.Contains(t, warnings, "Is SEMANTIK_ADMIN_USER meant?")
	require.Len(t, c.Warnings(), 3)
}

func TestPrint_masksSecrets(t *testing.T) {
	t.Parallel()
	c := mustLoad(t, "DATABASE_URL=postgresql+asyncpg://bob:hunter2@localhost:5432/app?password=hunter2",
		"JWT_SECRET_KEY="+strings.Repeat("hunter2", 6), "SEMANTIK_ADMIN_PASSWORD=hunter2hunter2")
	var asTable, asJSON bytes.Buffer
	require.NoError(t, c.Print(&asTable, false))
	require.NoError(t, c.Print(&asJSON, true))
	require.NotContains(t, asTable.String()+asJSON.String(), "hunter2")
	require.Regexp(t, `DATABASE_URL +postgresql\+asyncpg://bob:\*{8}@localhost:5432/app\S* +environment`, asTable.String())
	require.Regexp(t, `DB_POOL_SIZE +20 +default`, asTable.String())

	var object map[string]struct {
		Value  *string
		Source string
	}
	require.NoError(t, json.Unmarshal(asJSON.Bytes(), &object))
	require.Len(t, object, len(config.Variables()))
	require.Equal(t, "********", *object["SEMANTIK_ADMIN_PASSWORD"].Value)
	require.Nil(t, object["POSTGRES_PASSWORD"].Value)
	require.Equal(t, c.Store.DataDir, *object["SEMANTIK_DATA"].Value, "a default that was found out is shown")
}

func TestLoad_TheInternalKeyIsLongAndFitsIntoAHeader(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k3y!", 8)
	require.Equal(t, key, mustLoad(t, "INTERNAL_API_KEY="+key).Auth.InternalKey)
	require.Empty(t, mustLoad(t, "INTERNAL_API_KEY=").Auth.InternalKey)
	for name, wrong := range map[string]string{
		"short": key[1:], "with a space": key + " ", "with a line break": key + "\n", "beyond ASCII": key + "ß",
	} {
		_, err := load(t, "INTERNAL_API_KEY="+wrong)
		found := problems(t, err)["INTERNAL_API_KEY"]
		require.Contains(t, found, "at least 32 characters", name)
		require.NotContains(t, found, "k3y!", name)
	}
}
