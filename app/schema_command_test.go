package app_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

func TestSchema_PlanSaysWhatOthersNoticeAndCheckWhatMendsIt(t *testing.T) {
	t.Parallel()
	url := pgtest.Partitioned(t, partitions)
	environ := home(t, "DATABASE_URL="+url)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.Background()) }()
	_, err = conn.Exec(t.Context(), `
alter table chunks drop constraint ck_chunks_chunk_index;
drop index idx_chunks_part_chunk_index;
alter table documents disable trigger all`)
	require.NoError(t, err)

	r := command(t, environ, "", "schema", "plan")
	require.Equal(t, 0, r.code, r.stderr)
	require.Regexp(t, `-- ACCESS EXCLUSIVE on chunks \(\d+ partitions, about 0 rows, [\d.]+ MiB\): reads and writes wait; every row is read\n`+
		`ALTER TABLE "public"."chunks" ADD CONSTRAINT "ck_chunks_chunk_index"`, r.stdout)
	require.Regexp(t, `-- SHARE on chunks \(.*\): writes wait; every row is read and an index is built\nCREATE INDEX "idx_chunks_part_chunk_index"`, r.stdout)
	r = command(t, environ, "", "schema", "plan", "--json")
	require.Contains(t, r.stdout, `"lock":"SHARE"`)

	r = command(t, environ, "", "schema", "check")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stdout, "missing index idx_chunks_part_chunk_index on chunks\n  \"semantik schema apply\" mends it")
	require.Contains(t, r.stdout, "  ALTER TABLE documents ENABLE TRIGGER ALL; then")
}
