package config_test

import (
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"semantik/platform/config"
)

func TestDatabaseURL_spellings(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"postgres://u:p@localhost:5432/app":                                                             "postgres://u:p@localhost:5432/app",
		"postgresql://u:p@localhost/app":                                                                "postgres://u:p@localhost/app",
		"postgresql+asyncpg://u:p@localhost/app":                                                        "postgres://u:p@localhost/app",
		"PostgreSQL+psycopg2://u:p@localhost/app":                                                       "postgres://u:p@localhost/app",
		"postgresql+psycopg://u@localhost/app":                                                          "postgres://u@localhost/app",
		"postgresql+asyncpg://u:p@db/app?ssl=require":                                                   "postgres://u:p@db/app?sslmode=require",
		"postgresql+asyncpg://u:p@db/app?ssl=true":                                                      "postgres://u:p@db/app?sslmode=require",
		"postgresql://u:p@localhost/app?ssl=false":                                                      "postgres://u:p@localhost/app?sslmode=disable",
		"postgres://u:p@db/app?ssl=verify-full&sslmode=verify-full":                                     "postgres://u:p@db/app?sslmode=verify-full",
		"postgresql+asyncpg://u:p@localhost/app?prepared_statement_cache_size=0&application_name=other": "postgres://u:p@localhost/app?application_name=other",
		"postgres://u:p@h1:5432,h2:5433/app?sslmode=require":                                            "postgres://u:p@h1:5432,h2:5433/app?sslmode=require",
		"postgres:///app?host=/var/run/postgresql":                                                      "postgres:///app?host=%2Fvar%2Frun%2Fpostgresql",
		"postgres://u:p%40%3A%2F%25@localhost/app":                                                      "postgres://u:p%40%3A%2F%25@localhost/app",
		"postgres://u:p@[::1]:5432/app":                                                                 "postgres://u:p@[::1]:5432/app",
	} {
		c, err := load(t, "DATABASE_URL="+given)
		require.NoError(t, err, given)
		require.Equal(t, want, c.DatabaseURL())
		require.Equal(t, given, c.Database.URL)
		_, err = pgconn.ParseConfig(c.DatabaseURL())
		require.NoError(t, err)
	}
}

func TestDatabaseURL_malformedDoesNotShowThePassword(t *testing.T) {
	t.Parallel()
	for given, reason := range map[string]string{
		"postgres://u:hunter2@localhost:port/app":                      "percent-encoded",
		"postgres://u:hunter2%zz@localhost/app":                        "percent-encoded",
		"postgres://u:hunter2#rest@localhost/app":                      "percent-encoded",
		"postgres://u:hunter2 hunter2@localhost:x/app":                 "percent-encoded",
		"postgres://u:hunter2@localhost/app?a=%zz":                     "percent-encoded",
		"postgres://u:hunter2@localhost/app?sslmode=perhaps":           "sslmode",
		"postgres://u:hunter2@localhost/app?ssl=perhaps":               "ssl is none of",
		"postgres://u:hunter2@localhost/app?ssl=true&sslmode=disable":  "contradict",
		"postgres://u:hunter2@localhost":                               "names no database",
		"postgres://u:hunter2@localhost:99999/app":                     "cannot be used",
		"u:hunter2@localhost/app":                                      "no scheme",
		"mysql+postgres://u:hunter2@localhost/app":                     "scheme is not postgres",
		"host=localhost password=hunter2 dbname=app":                   "no scheme",
		"postgres://u:hunter2@localhost/app?connect_timeout=hunter2":   "cannot be used",
		"postgres://u:hunter2@localhost/app?sslrootcert=/none/hunter3": "cannot be used",
	} {
		_, err := load(t, "DATABASE_URL="+given)
		require.ErrorContains(t, err, reason, given)
		require.NotContains(t, err.Error(), "hunter2@", given)
		require.NotContains(t, err.Error(), ":hunter2", given)
		require.NotContains(t, err.Error(), "=hunter2 ", given)
		require.NotContains(t, err.Error(), "hunter2 ", given)
	}
}

func TestDatabaseURL_fromParts(t *testing.T) {
	t.Parallel()
	const password = `p@s:s/w%or d?#[]&=+'"\`
	for _, host := range []string{"localhost", "::1", "/var/run/postgresql"} {
		c := mustLoad(t, "POSTGRES_HOST="+host, "POSTGRES_PORT=6543", "POSTGRES_DB=my/db", "POSTGRES_USER=me@home", "POSTGRES_PASSWORD="+password)
		got, err := pgconn.ParseConfig(c.DatabaseURL())
		require.NoError(t, err)
		require.Equal(t, host, got.Host)
		require.EqualValues(t, 6543, got.Port)
		require.Equal(t, "my/db", got.Database)
		require.Equal(t, "me@home", got.User)
		require.Equal(t, password, got.Password)
		require.Empty(t, c.Warnings())
	}

	c := mustLoad(t, "POSTGRES_PASSWORD=x")
	require.Equal(t, "postgres://semantik:x@localhost:5432/semantik", c.DatabaseURL(), "one of them is enough")

	c = mustLoad(t, "POSTGRES_HOST=elsewhere", "DATABASE_URL=postgres://u:p@localhost/app")
	require.Equal(t, "postgres://u:p@localhost/app", c.DatabaseURL())
	require.Contains(t, c.Warnings()[0], "POSTGRES_ variables are ignored")
}

func TestDatabaseURL_warnsWithoutTLS(t *testing.T) {
	t.Parallel()
	for given, warns := range map[string]bool{
		"postgres://u:p@db.example/app":                            true,
		"postgres://u:p@db.example/app?sslmode=prefer":             true,
		"postgres://u:p@db.example/app?sslmode=disable":            true,
		"postgres://u:p@10.0.0.1/app":                              true,
		"postgres://u:p@localhost,db.example/app":                  true,
		"postgres:///app?host=db.example":                          true,
		"postgres://u:p@db.example/app?sslmode=require":            false,
		"postgres://u:p@db.example/app?sslmode=verify-full":        false,
		"postgres://u:p@localhost/app":                             false,
		"postgres://u:p@127.0.0.2/app":                             false,
		"postgres://u:p@[::1]/app":                                 false,
		"postgres:///app?host=/tmp":                                false,
		"postgresql+asyncpg://u:p@db.example/app?ssl=verify-full":  false,
		"postgresql+asyncpg://u:hunter2@db.example/app?ssl=prefer": true,
	} {
		c := mustLoad(t, "DATABASE_URL="+given)
		if !warns {
			require.Empty(t, c.Warnings(), given)
			continue
		}
		require.Len(t, c.Warnings(), 1, given)
		require.Contains(t, c.Warnings()[0], "unencrypted")
		require.NotContains(t, c.Warnings()[0], "hunter2")
	}
	require.NotEmpty(t, mustLoad(t, "POSTGRES_HOST=db.example").Warnings())
}

func TestRedactURL(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                                 "",
		"u:p@h/db":                         "u:********@h/db",
		"postgres://u:p@h/db":              "postgres://u:********@h/db",
		"postgres://u@h/db":                "postgres://u@h/db",
		"postgres://h/db":                  "postgres://h/db",
		"postgres://u:a@b@h/db":            "postgres://u:********@h/db",
		"postgres://u:a b@h/db":            "postgres://u:********@h/db",
		"postgres://u:a/b?c#d@h/db":        "postgres://u:********@h/db",
		"postgres://u:%zz@h/db":            "postgres://u:********@h/db",
		"postgres://h/db?password=p&x=1":   "postgres://h/db?password=********&x=1",
		"postgres://h/db?sslpassword=p":    "postgres://h/db?sslpassword=********",
		"host=h password=p user=u":         "host=h password=******** user=u",
		"host=h password = 'a b\\' c' u=v": "host=h password = ******** u=v",
		"cannot reach postgres://u:p@h/db, nor postgresql+asyncpg://u:q@i/db now": "cannot reach postgres://u:********@h/db, nor postgresql+asyncpg://u:********@i/db now",
		`dial "postgres://u:p@h/db": refused`:                                     `dial "postgres://u:********@h/db": refused`,
		"see https://example.com/docs":                                            "see https://example.com/docs",
	} {
		require.Equal(t, want, config.RedactURL(given))
	}
}
