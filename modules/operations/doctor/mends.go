package doctor

import (
	"context"

	"semantik/schema"
)

// mends lists the ways of mending, in the order in which they are gone: what the tables
// are made of first, then what is in the wrong place, what counts it, and last what
// looks at all of it.
func mends() []mend {
	ways := []mend{
		{keys: []string{"trigger_disabled"}, what: "triggers switched on", do: enableTriggers},
		{keys: []string{"partition_missing"}, what: "partitions put back, or made empty", do: closeChunkGaps},
		{keys: []string{"audit_partition_missing"}, what: "partitions of the audit log put back, or made", do: closeAuditGaps},
		{keys: []string{"sequence_behind"}, what: "sequences set behind the greatest id", do: mendSequences},
		{needs: allRows, keys: []string{"chunk_collection"}, what: "chunks of no collection deleted", destructive: true, do: dropOrphanedChunks},
		{needs: allRows, keys: []string{"search_row_collection"}, what: "search rows of no collection deleted", destructive: true, do: dropOrphanedSearchRows},
		{needs: allRows, keys: []string{"document_source"}, what: "documents taken out of a source that is not theirs", do: inSliced(leaveSources)},
	}
	for _, r := range schema.References() {
		if r.Table == "collections" {
			continue // whom to give it to nobody here can tell
		}
		ways = append(ways, mendOf(r))
	}
	return append(ways,
		mend{needs: allChunks, keys: []string{"search_row_chunk", "search_row_document"}, what: "search rows without a chunk deleted", do: dropLostSearchRows},
		mend{needs: allChunks, keys: []string{"document_duplicate"}, what: "documents that were there twice moved to the bin", do: binDuplicates},
		// While an operation is active counters are left alone, so this comes before those
		// that start one.
		mend{
			needs: allChunks, keys: []string{"collection_document_count", "collection_bytes", "collection_chunk_count", "collection_vector_count"},
			what: "collections recounted", do: recountCollections,
		},
		mend{needs: allRows, keys: []string{"source_count"}, what: "sources recounted", do: recountSources},
		mend{needs: allRows, keys: []string{"operation_lease", "operation_wait"}, what: "leases of operations put right", do: inSliced(mendLeases)},
		mend{needs: allRows, keys: []string{"operation_job", "operation_job_lost", "operation_waiting"}, what: "operations rung for", do: ringForOperations},
		mend{needs: allRows, keys: []string{"job_operation"}, what: "jobs without an operation discarded", do: inSliced(discardJobs)},
		mend{needs: allRows, keys: []string{"sync_run_unfinished"}, what: "runs over sources ended", do: inSliced(endRuns)},
		mend{needs: allChunks, keys: []string{"chunk_index_gap", "chunk_offsets"}, what: "documents given back to be cut anew", do: requeueDocuments},
		mend{needs: allChunks, keys: []string{"document_processing", "collection_status"}, what: "collections given back to the worker", do: resumeCollections},
		mend{needs: allChunks, keys: []string{"document_chunk_count"}, what: "documents recounted", do: recountDocuments},
		mend{needs: allChunks, keys: []string{"chunk_search_row"}, what: "documents noted for their search rows", do: noteUnindexed},
		mend{keys: []string{"index_invalid"}, what: "indexes rebuilt, or what a broken rebuild has left dropped", do: rebuildIndexes},
		mend{keys: []string{"index_incomplete"}, what: "indexes built on partitions", do: completeIndexes},
		mend{keys: []string{"constraint_unvalidated"}, what: "constraints validated", do: validateConstraints},
		mend{keys: []string{"statistics_missing"}, what: "tables analyzed", do: analyzeTables},
	)
}

// inOneStatement is for a statement that answers with how much it did.
func inOneStatement(sql string) func(ctx context.Context, d *Doctor, note note) (int64, error) {
	return func(ctx context.Context, d *Doctor, note note) (n int64, err error) {
		err = d.DB.InTx(ctx, func(ctx context.Context) error {
			if n, err = d.repository.number(ctx, sql); err != nil {
				return err
			}
			return note(ctx, n, nil)
		})
		return n, err
	}
}

// inSliced is for a statement that changes at most $1 rows, and none in the end.
func inSliced(sql string) func(ctx context.Context, d *Doctor, note note) (int64, error) {
	return func(ctx context.Context, d *Doctor, note note) (int64, error) {
		return d.inSlices(ctx, note, nil, func(ctx context.Context) (int64, error) {
			return d.repository.exec(ctx, sql, d.config.Rows)
		})
	}
}
