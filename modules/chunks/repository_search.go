package chunks

import (
	"context"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// Marks around a word that was looked for, inside ts_headline: characters of
// private use, which are taken out of the text first, so that nothing in a
// document can pass for one.
const (
	markStart = "\uE000"
	markStop  = "\uE001"
)

// headlineOptions ask for one or two passages of the chunk.
const headlineOptions = "StartSel=\uE000, StopSel=\uE001, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=\" … \""

// searchChunks is served by the GIN index on (collection_id, search), the primary
// key of chunks and that of documents. A match counts only as a row of chunks,
// documents and collections that is there in the same snapshot. The rank is
// ts_rank over any of the words, divided by one plus the logarithm of the chunk's
// length (1) and mapped to 0..1 (32); no more than $5 matches are ranked.
const searchChunks = `
with matches as (
  select s.chunk_id, ts_rank(s.search, chunk_search_query_any($3), 33) as score
  from chunk_search s
  where s.partition_key = $1
    and s.collection_id = $2
    and s.search @@ chunk_search_query_any($3)
  limit $5
), best as (
  select c.id, c.document_id, c.chunk_index, c.content, c.metadata, d.file_name, d.file_path, d.chunk_count, m.score
  from matches m
  join chunks c on c.partition_key = $1 and c.collection_id = $2 and c.id = m.chunk_id
  join collections o on o.id = $2 and o.deleted_at is null
  left join documents d on d.id = c.document_id and d.collection_id = $2 and d.partition_key = $1
  where c.enabled
    and (c.document_id is null or d.deleted_at is null)
    and m.score >= $6
  order by m.score desc, c.id
  limit $4
)
select id, document_id, chunk_index, content, metadata,
       coalesce(file_name, ''), coalesce(file_path, ''), coalesce(chunk_count, 0), score,
       ts_headline('english', translate(chunk_search_text(left(content, 20000)), $8, ''), chunk_search_query_any($3), $7),
       ts_headline('german', translate(chunk_search_text(left(content, 20000)), $8, ''), chunk_search_query_any($3), $7),
       (select count(*) from matches)
from best
order by score desc, id`

// Found is what a search in one collection gave.
type Found struct {
	Hits []Hit
	// Capped means that there were more matches than are ranked, so that better
	// ones may be missing.
	Capped bool
}

// Search finds the chunks that have any of the query's words, the best first, at
// most k, with a score of at least threshold. A query without a word finds
// nothing.
func (r *Repository) Search(ctx context.Context, scope collections.Scope, query string, k int, threshold float64) (Found, error) {
	rows, err := r.on(ctx, scope).query(ctx, searchChunks, query, k, MaxCandidates, threshold, headlineOptions, markStart+markStop)
	if err != nil {
		return Found{}, r.db.Translate(err)
	}
	found := Found{Hits: []Hit{}}
	h := Hit{CollectionID: scope.ID()}
	var english, german string
	var matches int64
	scan := []any{&h.ChunkID, &h.DocumentID, &h.ChunkIndex, &h.Content, &h.Metadata, &h.FileName, &h.FilePath,
		&h.TotalChunks, &h.Score, &english, &german, &matches}
	_, err = pgx.ForEachRow(rows, scan, func() error {
		h.Snippet = snippet(english, german)
		found.Capped = matches >= MaxCandidates
		found.Hits = append(found.Hits, h)
		// The next row gets memory of its own.
		h.DocumentID, h.Metadata = nil, nil
		return nil
	})
	return found, r.db.Translate(err)
}
