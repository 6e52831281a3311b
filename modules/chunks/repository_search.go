package chunks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/modules/chunks/query"
	"semantik/modules/collections"
	"semantik/modules/documents/filter"
)

// limitSearch bounds the statements of a search. Without sequential scans, because
// PostgreSQL thinks that a frequent word is found soon by reading the partition from
// its beginning; a collection whose rows lie at its end would be read last.
const limitSearch = `
select set_config('statement_timeout', $1, true), set_config('enable_seqscan', 'off', true)`

// LimitSearch bounds each statement that follows in the unit of work.
func (r *Repository) LimitSearch(ctx context.Context, limit time.Duration) error {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return fmt.Errorf("limiting a search: %w", err)
	}
	_, err = tx.Exec(ctx, limitSearch, strconv.FormatInt(max(1, limit.Milliseconds()), 10))
	return r.db.Translate(err)
}

// selectWords reads texts as chunk_search_vector does, in each of its languages, and
// as they are. It reads no table.
const selectWords = `
select to_tsvector('pg_catalog.simple', words)::text,
       to_tsvector('pg_catalog.english', words)::text,
       to_tsvector('pg_catalog.german', words)::text
from unnest($1::text[]) t(term)
cross join lateral chunk_search_text(t.term) words`

// ReadWords tells what the index makes of the words of a query's terms.
func (r *Repository) ReadWords(ctx context.Context, terms []query.Term) ([]query.Word, error) {
	texts := make([]string, len(terms))
	for i, t := range terms {
		texts[i] = t.Text
	}
	rows, err := r.db.Querier(ctx).Query(ctx, selectWords, texts)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	var words []query.Word
	var plain, english, german string
	term := 0
	_, err = pgx.ForEachRow(rows, []any{&plain, &english, &german}, func() error {
		found, err := query.Words(term, plain, english, german)
		words = append(words, found...)
		term++
		return err
	})
	return words, r.db.Translate(err)
}

// searchChunks is served by the GIN index on (collection_id, search), the primary
// key of chunks and that of documents. A match counts only as a row of chunks,
// documents and collections that is there in the same snapshot.
//
// The rank is ts_rank over every word, divided by one plus the logarithm of the
// chunk's length (1) and mapped to 0..1 (32); the score is its half, and $8 more. No
// more than $9 matches are ranked. The conditions on $4 and $10 are not there at all
// for PostgreSQL when those are null.
//
// The matches are materialized because PostgreSQL plans such a part for all of its
// rows, and reads no more of them than are asked for. They are looked at in the order
// of their scores, no more than needed; "offset 0" keeps PostgreSQL from turning the
// look into a join with all of the chunks.
const searchChunks = `
with matches as materialized (
  select s.chunk_id, $8::float8 + ts_rank(s.search, $5::tsquery, 33) / 2.0 as score
  from chunk_search s
  where s.partition_key = $1
    and s.collection_id = $2
    and s.search @@ $3::tsquery
    and ($4::tsquery is null or not s.search @@ $4::tsquery)
    and exists (select 1 from collections o where o.id = $2 and o.deleted_at is null)
    and ($10::jsonpath is null or (
      select jsonb_path_match(coalesce(d.meta, '{}') || c.metadata, $10::jsonpath, $11::jsonb, true)
      from chunks c
      left join documents d on d.id = c.document_id and d.collection_id = $2 and d.partition_key = $1
      where c.partition_key = $1
        and c.collection_id = $2
        and c.id = s.chunk_id
    ))
), ranked as materialized (
  select chunk_id, score
  from matches
  limit $9
), best as (
  select m.chunk_id, m.score
  from (select chunk_id, score from ranked where score >= $7 order by score desc, chunk_id offset 0) m
  where exists (
    select 1
    from chunks c
    left join documents d on d.id = c.document_id and d.collection_id = $2 and d.partition_key = $1
    where c.partition_key = $1
      and c.collection_id = $2
      and c.id = m.chunk_id
      and c.enabled
      and (c.document_id is null or d.deleted_at is null)
    offset 0
  )
  order by m.score desc, m.chunk_id
  limit $6
)
select coalesce(array_agg(chunk_id order by score desc, chunk_id), '{}'),
       coalesce(array_agg(score order by score desc, chunk_id), '{}'),
       (select count(*) from ranked)
from best`

// fullScore is the least score of what has all that was asked for; what has only some
// of it has less.
const fullScore = 0.5

// Wanted is what a search looks for in one collection.
type Wanted struct {
	Plan   query.Plan
	Filter filter.Filter
	// K is how many hits to give, and Threshold their least score.
	K         int
	Threshold float64
}

// Found is what a search in one collection gave.
type Found struct {
	// Hits, the best first; of equal score the one with the lower id.
	Hits []Ranked
	// Capped means that there were more matches than are ranked, so that better
	// ones may be missing.
	Capped bool
}

// Ranked is a chunk with its score.
type Ranked struct {
	ChunkID int64
	Score   float64
}

// Search finds the chunks that answer the plan, the best first: those that have all
// that was asked for, and where they are too few those that have some of it.
func (r *Repository) Search(ctx context.Context, scope collections.Scope, w Wanted) (Found, error) {
	if w.Plan.All == "" {
		return Found{}, nil
	}
	found, err := r.searchFor(ctx, scope, w, w.Plan.All, "", fullScore)
	missing := w.K - len(found.Hits)
	if err != nil || w.Plan.Some == "" || w.Threshold >= fullScore || missing <= 0 {
		return found, err
	}
	w.K = missing
	more, err := r.searchFor(ctx, scope, w, w.Plan.Some, w.Plan.All, 0)
	return Found{append(found.Hits, more.Hits...), found.Capped || more.Capped}, err
}

// searchFor finds what matches a query and not another, with a score of at least
// base.
func (r *Repository) searchFor(ctx context.Context, scope collections.Scope, w Wanted, match, not string, base float64) (Found, error) {
	rows, err := r.on(ctx, scope).query(ctx, searchChunks, match, given(not), w.Plan.Rank, w.K, w.Threshold, base, MaxCandidates+1,
		given(w.Filter.Path), given(string(w.Filter.Vars)))
	if err != nil {
		return Found{}, r.db.Translate(err)
	}
	var found Found
	var ids []int64
	var scores []float64
	var ranked int64
	_, err = pgx.ForEachRow(rows, []any{&ids, &scores, &ranked}, func() error {
		for i, id := range ids {
			found.Hits = append(found.Hits, Ranked{id, scores[i]})
		}
		found.Capped = ranked > MaxCandidates
		return nil
	})
	return found, r.db.Translate(err)
}

// given is a value, or null for none.
func given(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// headlineOptions ask for one or two passages of the chunk.
const headlineOptions = "StartSel=\uE000, StopSel=\uE001, MaxFragments=2, MaxWords=30, MinWords=12, FragmentDelimiter=\" … \""

// Marks around a word that was looked for, inside ts_headline: characters of
// private use, which are taken out of the text first, so that nothing in a
// document can pass for one.
const (
	markStart = "\uE000"
	markStop  = "\uE001"
)

// selectHits is served by the primary key of chunks and that of documents.
const selectHits = `
select c.id, c.document_id, c.chunk_index, case when $7 then c.content else '' end, coalesce(d.meta, '{}') || c.metadata,
       coalesce(d.file_name, ''), coalesce(d.file_path, ''), coalesce(d.chunk_count, 0),
       ts_headline('pg_catalog.english', p.passage, $4::tsquery, $5),
       ts_headline('pg_catalog.german', p.passage, $4::tsquery, $5)
from chunks c
left join documents d on d.id = c.document_id and d.collection_id = $2 and d.partition_key = $1
cross join lateral (
  select translate(chunk_search_text(left(c.content, 20000)), $6, '') as passage
  offset 0
) p
where c.partition_key = $1
  and c.collection_id = $2
  and c.id = any($3::bigint[])
  and c.enabled
  and (c.document_id is null or d.deleted_at is null)`

// SelectHits reads what a search shows of chunks: those of the ids that are there
// and may be found, in no order, with the words of the plan marked, and without their
// contents unless they are asked for. More than [MaxPageBytes] of them is an error.
func (r *Repository) SelectHits(ctx context.Context, scope collections.Scope, ids []int64, plan query.Plan, withContent bool) ([]Hit, error) {
	rows, err := r.on(ctx, scope).query(ctx, selectHits, ids, plan.Rank, headlineOptions, markStart+markStop, withContent)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	size := 0
	hits, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Hit, error) {
		h := Hit{CollectionID: scope.ID()}
		var english, german string
		var metadata []byte
		err := row.Scan(&h.ChunkID, &h.DocumentID, &h.ChunkIndex, &h.Content, &metadata, &h.FileName, &h.FilePath,
			&h.TotalChunks, &english, &german)
		h.Metadata, h.Snippet = json.RawMessage(metadata), snippet(english, german)
		if size += len(h.Content) + len(h.Metadata); err == nil && size > MaxPageBytes {
			return h, errResultsTooLong
		}
		return h, err
	})
	return hits, r.db.Translate(err)
}
