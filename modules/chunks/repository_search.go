package chunks

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/modules/chunks/filter"
	"semantik/modules/chunks/query"
	"semantik/modules/collections"
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

// selectWords reads the words of texts as chunk_search_vector does, in each of its
// languages, and as they are. It reads no table.
const selectWords = `
select t.n, p.position,
       coalesce(max(w.lexeme) filter (where w.language = 'plain'), ''),
       coalesce(max(w.lexeme) filter (where w.language = 'english'), ''),
       coalesce(max(w.lexeme) filter (where w.language = 'german'), '')
from unnest($1::text[]) with ordinality t(words, n)
cross join lateral (
  select 'plain' as language, lexeme, positions
  from unnest(to_tsvector('pg_catalog.simple', chunk_search_text(t.words)))
  union all
  select 'english', lexeme, positions
  from unnest(to_tsvector('pg_catalog.english', chunk_search_text(t.words)))
  union all
  select 'german', lexeme, positions
  from unnest(to_tsvector('pg_catalog.german', chunk_search_text(t.words)))
) w
cross join lateral unnest(w.positions) p(position)
group by t.n, p.position
order by t.n, p.position`

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
	var w query.Word
	_, err = pgx.ForEachRow(rows, []any{&w.Term, &w.Position, &w.Plain, &w.English, &w.German}, func() error {
		w.Term-- // PostgreSQL counts from 1
		words = append(words, w)
		return nil
	})
	return words, r.db.Translate(err)
}

const (
	// matching is a row of chunk_search that may count. The condition on metadata is
	// not there at all for PostgreSQL when $9 is null.
	matching = `
  where s.partition_key = $1
    and s.collection_id = $2
    and exists (select 1 from collections o where o.id = $2 and o.deleted_at is null)
    and ($9::jsonpath is null or (
      select jsonb_path_match(coalesce(d.meta, '{}') || c.metadata, $9::jsonpath, $10::jsonb, true)
      from chunks c
      left join documents d on d.id = c.document_id and d.collection_id = $2 and d.partition_key = $1
      where c.partition_key = $1
        and c.collection_id = $2
        and c.id = s.chunk_id
    ))`
	// alive are matches whose chunk is there and may be found, the best first, no more
	// of them looked at than needed. "offset 0" keeps PostgreSQL from turning the look
	// into a join with all of the chunks.
	alive = `
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
  limit $6`
)

// searchChunks is served by the GIN index on (collection_id, search), the primary
// key of chunks and that of documents. A match counts only as a row of chunks,
// documents and collections that is there in the same snapshot.
//
// It looks for what has all that was asked for, and only if there are too few of
// those for what has some of it. The rank is ts_rank over every word, divided by one
// plus the logarithm of the chunk's length (1) and mapped to 0..1 (32); its half is
// the score of the latter, and one half more that of the former. No more than $8
// matches of each are ranked.
//
// The matches are materialized because PostgreSQL plans such a part for all of its
// rows, and reads no more of them than are asked for.
const searchChunks = `
with full_matches as materialized (
  select s.chunk_id, 0.5 + ts_rank(s.search, $5::tsquery, 33) / 2.0 as score
  from chunk_search s` + matching + `
    and s.search @@ $3::tsquery
), full_ranked as materialized (
  select chunk_id, score
  from full_matches
  limit $8
), full_best as materialized (
  select m.chunk_id, m.score
  from (select chunk_id, score from full_ranked where score >= $7 order by score desc, chunk_id offset 0) m` + alive + `
), part_matches as materialized (
  select s.chunk_id, ts_rank(s.search, $5::tsquery, 33) / 2.0 as score
  from chunk_search s` + matching + `
    and s.search @@ $4::tsquery
    and not s.search @@ $3::tsquery
    and (select count(*) from full_best) < $6
), part_ranked as materialized (
  select chunk_id, score
  from part_matches
  limit $8
), part_best as materialized (
  select m.chunk_id, m.score
  from (select chunk_id, score from part_ranked where score >= $7 order by score desc, chunk_id offset 0) m` + alive + `
), best as (
  select chunk_id, score from full_best
  union all
  select chunk_id, score from part_best
)
select coalesce(array_agg(chunk_id order by score desc, chunk_id), '{}'),
       coalesce(array_agg(score order by score desc, chunk_id), '{}'),
       greatest((select count(*) from full_ranked), (select count(*) from part_ranked))
from best`

// fullScore is the least score of what has all that was asked for.
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

// Search finds the chunks that answer the plan, the best first.
func (r *Repository) Search(ctx context.Context, scope collections.Scope, w Wanted) (Found, error) {
	if w.Plan.All == "" {
		return Found{}, nil
	}
	some := given(w.Plan.Some)
	if w.Threshold >= fullScore {
		some = nil
	}
	rows, err := r.on(ctx, scope).query(ctx, searchChunks, w.Plan.All, some, w.Plan.Rank, w.K, w.Threshold, MaxCandidates+1,
		given(w.Filter.Path), given(string(w.Filter.Vars)))
	if err != nil {
		return Found{}, r.db.Translate(err)
	}
	var found Found
	var ids []int64
	var scores []float64
	var ranked int64
	_, err = pgx.ForEachRow(rows, []any{&ids, &scores, &ranked}, func() error {
		for i, id := range ids[:min(w.K, len(ids))] {
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
select c.id, c.document_id, c.chunk_index, c.content, coalesce(d.meta, '{}') || c.metadata,
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
// and may be found, in no order, with the words of the plan marked.
func (r *Repository) SelectHits(ctx context.Context, scope collections.Scope, ids []int64, plan query.Plan) ([]Hit, error) {
	rows, err := r.on(ctx, scope).query(ctx, selectHits, ids, plan.Rank, headlineOptions, markStart+markStop)
	if err != nil {
		return nil, r.db.Translate(err)
	}
	hits, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Hit, error) {
		h := Hit{CollectionID: scope.ID()}
		var english, german string
		var metadata []byte
		err := row.Scan(&h.ChunkID, &h.DocumentID, &h.ChunkIndex, &h.Content, &metadata, &h.FileName, &h.FilePath,
			&h.TotalChunks, &english, &german)
		h.Metadata, h.Snippet = json.RawMessage(metadata), snippet(english, german)
		return h, err
	})
	return hits, r.db.Translate(err)
}
