package pgtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// adminTimeout bounds creating and dropping a database.
const adminTimeout = 60 * time.Second

// Empty gives the URL of a new database without any table. It is dropped when
// the test has passed, and kept when it has failed.
func Empty(t testing.TB) string {
	t.Helper()
	return create(t, serverURL(t), "template0")
}

// Database gives the URL of a new database with the whole schema, cloned from a
// template that the first test to ask for one has made.
func Database(t testing.TB) string {
	t.Helper()
	return Partitioned(t, schema.DefaultPartitionCount)
}

// Partitioned is [Database] with so many partitions of the chunks. A few are enough for
// most tests, and cost less: a database is cloned and looked through for each of them.
func Partitioned(t testing.TB, partitions int) string {
	t.Helper()
	server := serverURL(t)
	return create(t, server, template(t, server, partitions))
}

// create makes a database from a template, and sees to its end.
func create(t testing.TB, server, from string) string {
	t.Helper()
	name := "test_" + randomName()
	execute(t, server, fmt.Sprintf("create database %s template %s strategy file_copy", name, from))
	u := withDatabase(server, name)
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the test's database is kept for as long as the server runs: psql '%s'", u)
			return
		}
		execute(t, server, fmt.Sprintf("drop database if exists %s with (force)", name))
	})
	return u
}

// execute runs one statement on the server's maintenance database.
func execute(t testing.TB, server, sql string) {
	t.Helper()
	withAdmin(t, server, func(ctx context.Context, conn *pgx.Conn) {
		_, err := conn.Exec(ctx, sql)
		require.NoError(t, err, sql)
	})
}

func randomName() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails, says its documentation
	return hex.EncodeToString(b[:])
}

// withDatabase gives the URL of another database on the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil {
		panic(fmt.Sprintf("pgtest: the server's URL was accepted and is none: %v", err))
	}
	u.Path = "/" + name
	return u.String()
}

// serverURL gives a URL of the server's maintenance database.
func serverURL(t testing.TB) string {
	t.Helper()
	if given := os.Getenv("TEST_DATABASE_URL"); given != "" {
		return withDatabase(given, "postgres")
	}
	return throwAway(t)
}
