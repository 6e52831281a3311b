package chunks

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Merged says what became of the chunks of a load that may meet others.
type Merged struct {
	// Inserted chunks are new, Replaced ones were there.
	Inserted, Replaced int64
	// SearchRows were deleted, because their chunks have another content.
	SearchRows int64
}

// Two tables of the transaction: what the load brought, in its order, and what became
// of it. They are made where they are not there yet, and emptied, because a unit of
// work may load twice.
const (
	createStage = `
create temporary table if not exists load_stage (
  line bigint not null, document_id uuid, chunk_index integer not null, content text not null, start_offset integer,
  end_offset integer, token_count integer, embedding_vector_id text, enabled boolean not null, metadata jsonb not null
) on commit drop`

	createMerged = `
create temporary table if not exists load_merged (
  chunk_id bigint not null, document_id uuid, chunk_index integer not null, is_new boolean not null
) on commit drop`

	emptyStage  = `truncate load_stage`
	emptyMerged = `truncate load_merged`
)

// stageColumns are the columns of load_stage in the order of COPY.
var stageColumns = append([]string{"line"}, loadColumns[2:]...)

// The two ways to merge. Both go through the chunks in the order of their key, so
// that of two loads one waits for the other and not each for each other; where that
// was not enough, because one of them copies straight in, PostgreSQL ends one of them
// and it is tried again behind a savepoint.
//
// A new chunk is told from a replaced one by its times: a partitioned table does not
// show which transaction has changed a row. What is replaced has been updated after
// it was created, and be it by a microsecond. Before it, updated_at is at least created_at.
const (
	mergeInto = ` merged as (
  insert into chunks (partition_key, collection_id, document_id, chunk_index, content, start_offset, end_offset, token_count,
    embedding_vector_id, enabled, metadata)
  select distinct on (document_id, chunk_index) $1::integer, $2::uuid, document_id, chunk_index, content, start_offset, end_offset,
    token_count, embedding_vector_id, enabled, metadata
  from load_stage
  order by document_id, chunk_index, line`

	mergeEnd = `
  returning id, document_id, chunk_index, created_at = updated_at as is_new
)
insert into load_merged (chunk_id, document_id, chunk_index, is_new)
select id, document_id, chunk_index, is_new
from merged`

	mergeSkip = `
with` + mergeInto + `
  on conflict (collection_id, document_id, chunk_index, partition_key) do nothing` + mergeEnd

	mergeReplace = `
with` + mergeInto + ` desc
  on conflict (collection_id, document_id, chunk_index, partition_key) do update
  set content = excluded.content,
      start_offset = excluded.start_offset,
      end_offset = excluded.end_offset,
      token_count = excluded.token_count,
      embedding_vector_id = excluded.embedding_vector_id,
      metadata = excluded.metadata,
      edited_at = null,
      updated_at = greatest(now(), chunks.updated_at + interval '1 microsecond')` + mergeEnd

	// Its own statement, so that it sees the search rows that were made of the old
	// content while the merge waited for those who made them. Served by the primary key.
	unfindReplaced = `
delete from chunk_search
where partition_key = $1
  and collection_id = $2
  and chunk_id = any(array(
    select chunk_id
    from load_merged
    where not is_new
  ))`

	countMerged = `
select count(*) filter (where is_new), count(*) filter (where not is_new)
from load_merged`
)

// StageChunks copies the rows of a load to where [Repository.MergeStaged] takes them
// from, and gives their number.
func (r *Repository) StageChunks(ctx context.Context, _ collections.Scope, next RowSource) (int64, error) {
	for _, sql := range []string{createStage, createMerged, emptyStage} {
		if err := r.execTx(ctx, sql); err != nil {
			return 0, err
		}
	}
	var line int64
	return r.copyRows(ctx, pgx.Identifier{"load_stage"}, stageColumns, func() ([]any, error) {
		c, err := next()
		if err != nil {
			return nil, err
		}
		line++
		return c.values([]any{line})
	})
}

// MergeStaged loads what was staged: with replace, in the place of the chunks that are
// there, else only where there are none. It may be run again behind a savepoint.
func (r *Repository) MergeStaged(ctx context.Context, scope collections.Scope, replace bool) (Merged, error) {
	if err := r.execTx(ctx, emptyMerged); err != nil {
		return Merged{}, err
	}
	sql := mergeSkip
	if replace {
		sql = mergeReplace
	}
	in := r.on(ctx, scope)
	if _, err := in.loadUnder(ctx, waitSettings, sql); err != nil {
		return Merged{}, fmt.Errorf("merging a load: %w", nameChunk(err, r.translateLoad(err)))
	}
	var m Merged
	if err := in.querier.QueryRow(ctx, countMerged).Scan(&m.Inserted, &m.Replaced); err != nil {
		return Merged{}, fmt.Errorf("merging a load: %w", r.db.Translate(err))
	}
	if m.Replaced == 0 {
		return m, nil
	}
	tag, err := in.loadUnder(ctx, waitSettings, unfindReplaced)
	if err != nil {
		return Merged{}, fmt.Errorf("merging a load: %w", r.translateLoad(err))
	}
	m.SearchRows = tag.RowsAffected()
	return m, nil
}

// execTx runs a statement that belongs into a unit of work.
func (r *Repository) execTx(ctx context.Context, sql string) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, sql)
	return r.db.Translate(err)
}
