package chunks_test

import (
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/testworld"
)

// Chunks are decoded by hand where they come in the usual form, and give the same as
// pgx does by itself, in that form and in any other.
func TestScan_GivesWhatPgxGives(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	collection, _, total := threeDocuments(t, w)
	w.Exec(`
update chunks
set content = E'tab\t "quoted" \\ \u2028 \U0001F600', start_offset = 0, end_offset = 2147483647, token_count = -5, embedding_vector_id = '', enabled = false,
    edited_at = '1969-12-31 23:59:59.999999+00', metadata = '{"big": 123456789012345678901234567890, "small": 1e-30, "n": null}',
    created_at = '0001-01-01 00:00:00+00', updated_at = '9999-12-31 23:59:59.999999+00'
where chunk_index % 3 = 0`)
	for mode, usual := range map[pgx.QueryExecMode]bool{
		pgx.QueryExecModeCacheStatement: true, pgx.QueryExecModeCacheDescribe: true, pgx.QueryExecModeDescribeExec: true,
		pgx.QueryExecModeExec: false, pgx.QueryExecModeSimpleProtocol: false,
	} {
		t.Run(mode.String(), func(t *testing.T) {
			read, err := chunks.ReadTwice(t.Context(), w.DB.Querier(t.Context()), w.Scope(collection), mode)
			require.NoError(t, err)
			require.Equal(t, usual, read.Usual)
			require.Len(t, read.Listed, total)
			require.Equal(t, read.Scanned, read.Listed)
		})
	}

	w.Exec(`update chunks set updated_at = 'infinity' where chunk_index = 7`)
	_, err := chunks.ReadTwice(t.Context(), w.DB.Querier(t.Context()), w.Scope(collection), pgx.QueryExecModeCacheStatement)
	require.ErrorContains(t, err, "Infinity", "it is no instant, and must not become one")
}
