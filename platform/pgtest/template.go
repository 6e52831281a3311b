package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// templateTimeout bounds making the template, the wait for another program that
// makes it included.
const templateTimeout = 2 * time.Minute

// templates are those that this test program knows to be there.
var templates sync.Map

// template gives the name of the database that tests are cloned from, and makes
// it when there is none: aside, and renamed once it is complete, so that a
// program that was killed midway leaves nothing that others would clone.
func template(t testing.TB, server string, partitions int) string {
	t.Helper()
	// The audit log's months are made ahead of the present one.
	name := fmt.Sprintf("semantik_template_%s_%d_%s", schema.Hash()[:16], partitions, time.Now().UTC().Format("2006_01"))
	if _, known := templates.Load(server + name); known {
		return name
	}
	defer func() {
		if !t.Failed() {
			templates.Store(server+name, true)
		}
	}()
	ctx, cancel := context.WithTimeout(context.Background(), templateTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, server)
	require.NoError(t, err, "connecting to the test server")
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()

	if exists(ctx, t, conn, name) {
		return name
	}
	// Held until the connection closes.
	_, err = conn.Exec(ctx, "select pg_advisory_lock(hashtextextended($1, 0))", name)
	require.NoError(t, err)
	if exists(ctx, t, conn, name) {
		return name
	}
	making := name + "_" + randomName()[:8]
	_, err = conn.Exec(ctx, fmt.Sprintf("create database %s template template0", making))
	require.NoError(t, err)
	pool, err := pgxpool.New(ctx, withDatabase(server, making))
	require.NoError(t, err)
	_, err = schema.New(pool, schema.Options{PartitionCount: partitions}).Apply(ctx, schema.ApplyOptions{})
	pool.Close()
	require.NoError(t, err, "applying the schema to the template")
	_, err = conn.Exec(ctx, fmt.Sprintf("alter database %s rename to %s", making, name))
	require.NoError(t, err)
	return name
}

func exists(ctx context.Context, t testing.TB, conn *pgx.Conn, name string) bool {
	t.Helper()
	var found bool
	require.NoError(t, conn.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", name).Scan(&found))
	return found
}
