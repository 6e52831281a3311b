package chunks

import (
	"context"
	"math"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// SampledChunks is how many chunks of a collection are looked at for its statistics.
const SampledChunks = 10_000

// Statistics are figures about the sizes of the chunks of a collection, of all of them
// or of the first [SampledChunks] by the id of their document. Those ids are random, so
// that they are a sample of documents. All figures are 0 where there are no chunks.
type Statistics struct {
	// Sampled is how many chunks were looked at.
	Sampled int64
	// The sizes are in characters; the variance is that of the chunks looked at, in
	// characters squared.
	MeanSize, SizeVariance float64
	MinSize, MaxSize       int64
	// MeanTokens is over the chunks whose loader gave a number of tokens.
	MeanTokens float64
}

// SizeConsistency is 1 where all chunks have one size, and falls to 0 as their standard
// deviation comes near their mean.
func (s Statistics) SizeConsistency() float64 {
	if s.MeanSize == 0 {
		return 1
	}
	return max(0, 1-math.Sqrt(s.SizeVariance)/s.MeanSize)
}

// selectStatistics is served by the unique key (collection_id, document_id, chunk_index, …).
const selectStatistics = `
select count(*), coalesce(avg(size), 0)::float8, coalesce(var_pop(size), 0)::float8, coalesce(min(size), 0), coalesce(max(size), 0),
       coalesce(avg(token_count), 0)::float8
from (
  select char_length(content) as size, token_count
  from chunks
  where partition_key = $1
    and collection_id = $2
  order by document_id, chunk_index
  limit $3
) sample`

// GetChunkStatistics reads the statistics of a collection.
func (r *Repository) GetChunkStatistics(ctx context.Context, scope collections.Scope) (Statistics, error) {
	rows, err := r.on(ctx, scope).query(ctx, selectStatistics, SampledChunks)
	if err != nil {
		return Statistics{}, r.db.Translate(err)
	}
	s, err := pgx.CollectExactlyOneRow(rows, func(row pgx.CollectableRow) (s Statistics, err error) {
		err = row.Scan(&s.Sampled, &s.MeanSize, &s.SizeVariance, &s.MinSize, &s.MaxSize, &s.MeanTokens)
		return s, err
	})
	return s, r.db.Translate(err)
}
