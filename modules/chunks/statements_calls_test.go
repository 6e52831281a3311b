package chunks_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/google/uuid"

	"semantik/modules/chunks"
	"semantik/modules/chunks/query"
	"semantik/modules/documents"
	"semantik/modules/documents/filter"
)

// calls has each of the repository's methods, with every statement that it may
// run.
var calls = map[string]func(ctx context.Context, p place) error{
	"GetChunkByID": func(ctx context.Context, p place) error {
		_, err := p.rows.GetChunkByID(ctx, p.scope, p.chunk)
		return err
	},
	"CreateChunk": func(ctx context.Context, p place) error {
		c, err := p.rows.CreateChunk(ctx, p.scope, chunks.NewChunk{DocumentID: &p.document.ID, ChunkIndex: int(uuid.New().ID() >> 1), Content: "one more"})
		if err == nil && c.ID == 0 {
			return errors.New("it has no id")
		}
		return err
	},
	"LockChunk": func(ctx context.Context, p place) error {
		_, err := p.rows.LockChunk(ctx, p.scope, p.chunk)
		return err
	},
	"UpdateChunk": func(ctx context.Context, p place) error {
		content, enabled := "another one", true
		if _, err := p.rows.UpdateChunk(ctx, p.scope, p.chunk, chunks.Edit{Enabled: &enabled}); err != nil {
			return err
		}
		c, err := p.rows.UpdateChunk(ctx, p.scope, p.chunk, chunks.Edit{Content: &content, Metadata: []byte("{}")})
		if err == nil && c.Content != content {
			return errors.New("it has its old content")
		}
		return err
	},
	"LockDocument": func(ctx context.Context, p place) error {
		_, err := p.rows.LockDocument(ctx, p.scope, p.document.ID)
		return err
	},
	"GetNeighbours": func(ctx context.Context, p place) error {
		before, after, err := p.rows.GetNeighbours(ctx, p.scope, chunks.Chunk{DocumentID: &p.document.ID, ChunkIndex: 40}, 3)
		if err != nil || len(before) != 3 || len(after) != 3 {
			return errors.Join(err, fmt.Errorf("%d before and %d after", len(before), len(after)))
		}
		_, _, err = p.rows.GetNeighbours(ctx, p.scope, chunks.Chunk{ChunkIndex: 40}, 3)
		return err
	},
	"GetChunksWithoutEmbeddings": func(ctx context.Context, p place) error {
		for _, document := range []*uuid.UUID{nil, &p.document.ID} {
			found, _, err := p.rows.GetChunksWithoutEmbeddings(ctx, p.scope, document, chunks.Key{ChunkIndex: 3}, 20)
			if err != nil || len(found) != 20 {
				return errors.Join(err, fmt.Errorf("%d chunks", len(found)))
			}
		}
		return nil
	},
	"UpdateChunkEmbeddings": func(ctx context.Context, p place) error {
		name := "v"
		missing, err := p.rows.UpdateChunkEmbeddings(ctx, p.scope, []chunks.Vector{{ChunkID: p.chunk, Name: &name}, {ChunkID: 1 << 40}})
		if err == nil && len(missing) != 1 {
			return fmt.Errorf("%d are missing", len(missing))
		}
		return err
	},
	"CountAll": func(ctx context.Context, p place) error {
		n, _, err := p.rows.CountAll(ctx, p.scope)
		if err == nil && n == 0 {
			return errors.New("nothing was counted")
		}
		return err
	},
	"HasAny": func(ctx context.Context, p place) error {
		has, err := p.rows.HasAny(ctx, p.scope)
		if err == nil && !has {
			return errors.New("it has chunks")
		}
		return err
	},
	"GetChunkStatistics": func(ctx context.Context, p place) error {
		s, err := p.rows.GetChunkStatistics(ctx, p.scope)
		if err == nil && s.Sampled == 0 {
			return errors.New("nothing was looked at")
		}
		return err
	},
	"ExportChunks": func(ctx context.Context, p place) error {
		for _, after := range []chunks.Exported{{}, {DocumentID: p.document.ID, ChunkIndex: 3}, {NoDocument: true}} {
			found, err := p.rows.ExportChunks(ctx, p.scope, after)
			if err != nil || (len(found) == 0) != after.NoDocument {
				return errors.Join(err, fmt.Errorf("%d chunks", len(found)))
			}
		}
		return nil
	},
	"GetChunksByCollection": func(ctx context.Context, p place) error {
		_, _, err := p.rows.GetChunksByCollection(ctx, p.scope, chunks.Key{ChunkIndex: 3}, 20)
		return err
	},
	"GetChunksByDocument": func(ctx context.Context, p place) error {
		_, _, err := p.rows.GetChunksByDocument(ctx, p.scope, p.document.ID, chunks.Key{ChunkIndex: 3}, 20)
		return err
	},
	"GetChunksByOffset": func(ctx context.Context, p place) error {
		if _, _, err := p.rows.GetChunksByOffset(ctx, p.scope, nil, 20, 20); err != nil {
			return err
		}
		_, _, err := p.rows.GetChunksByOffset(ctx, p.scope, &p.document.ID, 20, 20)
		return err
	},
	"Search": func(ctx context.Context, p place) error {
		either := query.Plan{All: "'sentenc' & '17'", Some: "'sentenc' | '17'", Rank: "'sentenc' | '17'"}
		never := filter.Filter{Path: `exists($."a" ? (@ == $v0))`, Vars: []byte(`{"v0": 1}`)}
		for _, w := range []chunks.Wanted{{Plan: either, K: 10}, {Plan: either, K: 10, Filter: never}} {
			if _, err := p.rows.Search(ctx, p.scope, w); err != nil {
				return err
			}
		}
		return nil
	},
	"SelectHits": func(ctx context.Context, p place) error {
		hits, err := p.rows.SelectHits(ctx, p.scope, []int64{p.chunk}, query.Plan{Rank: "'sentenc'"}, true)
		if err == nil && len(hits) != 1 {
			return fmt.Errorf("%d hits", len(hits))
		}
		return err
	},
	"LimitSearch": func(ctx context.Context, p place) error { return p.rows.LimitSearch(ctx, time.Minute) },
	"ReadWords": func(ctx context.Context, p place) error {
		_, err := p.rows.ReadWords(ctx, []query.Term{{Text: "a sentence"}})
		return err
	},
	"CountSearchRows": func(ctx context.Context, p place) error {
		_, err := p.rows.CountSearchRows(ctx, p.scope, p.document.ID)
		return err
	},
	"BuildSearchRows": func(ctx context.Context, p place) error {
		_, err := p.rows.BuildSearchRows(ctx, p.scope, p.document.ID, 0, 10)
		return err
	},
	"CreateChunksBulk": func(ctx context.Context, p place) error {
		_, err := p.rows.CreateChunksBulk(ctx, chunks.Batch{Scope: p.scope, Rows: func(yield func(chunks.NewChunk) bool) {
			yield(chunks.NewChunk{DocumentID: &p.document.ID, ChunkIndex: int(uuid.New().ID() >> 1), Content: "one more"})
		}})
		return err
	},
	"CopyChunks": func(ctx context.Context, p place) error {
		_, err := p.rows.CopyChunks(ctx, p.scope, once(p))
		return err
	},
	"StageChunks": func(ctx context.Context, p place) error {
		_, err := p.rows.StageChunks(ctx, p.scope, once(p))
		return err
	},
	"MergeStaged": func(ctx context.Context, p place) error {
		for _, replace := range []bool{false, true} {
			next := once(p)
			there := chunks.NewChunk{DocumentID: &p.document.ID, ChunkIndex: 7, Content: "instead"}
			_, err := p.rows.StageChunks(ctx, p.scope, func() (chunks.NewChunk, error) {
				c := there
				there = chunks.NewChunk{}
				if c.Content != "" {
					return c, nil
				}
				return next()
			})
			if err != nil {
				return err
			}
			merged, err := p.rows.MergeStaged(ctx, p.scope, replace)
			if err != nil {
				return err
			}
			if merged.Inserted != 1 || (merged.Replaced == 1) != replace {
				return fmt.Errorf("%+v", merged)
			}
		}
		return nil
	},
	"NewLoad": func(ctx context.Context, p place) error {
		_, err := p.rows.NewLoad(ctx)
		return err
	},
	"NoteSpans": func(ctx context.Context, p place) error {
		return p.rows.NoteSpans(ctx, p.scope, 1, []chunks.Span{{DocumentID: &p.document.ID, Last: 5, New: 6}})
	},
	"NoteMerged": func(ctx context.Context, p place) error {
		if _, err := p.rows.StageChunks(ctx, p.scope, once(p)); err != nil {
			return err
		}
		if _, err := p.rows.MergeStaged(ctx, p.scope, false); err != nil {
			return err
		}
		return p.rows.NoteMerged(ctx, p.scope, 1)
	},
	"EachLoadedDocument": func(ctx context.Context, p place) error {
		if err := p.rows.NoteSpans(ctx, p.scope, 1, []chunks.Span{{DocumentID: &p.document.ID, Last: 5, New: 6}}); err != nil {
			return err
		}
		return p.rows.EachLoadedDocument(ctx, p.scope, 1, func([]documents.Loaded) error { return nil })
	},
	"DeleteLostSearchRows": func(ctx context.Context, p place) error {
		_, err := p.rows.DeleteLostSearchRows(ctx, p.scope, 10)
		return err
	},
	"NoteUnindexed": func(ctx context.Context, p place) error {
		_, err := p.rows.NoteUnindexed(ctx, p.scope)
		return err
	},
	"RecountDocuments": func(ctx context.Context, p place) error {
		tx, err := p.w.DB.Tx(ctx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `update documents set chunk_count = 7, status = 'completed' where id = $1`, p.document.ID); err != nil {
			return err
		}
		n, err := p.rows.RecountDocuments(ctx, p.scope, 10)
		if err == nil && n != 1 {
			return fmt.Errorf("%d documents were counted again", n)
		}
		return err
	},
	"ListMiscut": func(ctx context.Context, p place) error {
		_, err := p.rows.ListMiscut(ctx, p.scope)
		return err
	},
	"PurgeBacklog": func(ctx context.Context, p place) error {
		_, err := p.rows.PurgeBacklog(ctx, p.scope, 10)
		return err
	},
	"NextPending": func(ctx context.Context, p place) error {
		_, _, err := p.rows.NextPending(ctx, uuid.Nil)
		return err
	},
	"ClaimPending": func(ctx context.Context, p place) error {
		_, err := p.rows.ClaimPending(ctx, p.scope, 10)
		return err
	},
	"DonePending":    func(ctx context.Context, p place) error { return p.rows.DonePending(ctx, p.scope, []int64{1}) },
	"ShortenPending": func(ctx context.Context, p place) error { return p.rows.ShortenPending(ctx, p.scope, 1, 2) },
	"IndexDocuments": func(ctx context.Context, p place) error {
		_, err := p.rows.IndexDocuments(ctx, p.scope, []chunks.Pending{{DocumentID: &p.document.ID, First: 0, Last: 10}, {DocumentID: &p.document.ID, First: 5, Last: 20}})
		return err
	},
	"MeasurePending": func(ctx context.Context, p place) error {
		sizes, err := p.rows.MeasurePending(ctx, p.scope, []chunks.Pending{{DocumentID: &p.document.ID, Last: 1000}, {DocumentID: new(uuid.UUID)}})
		if err == nil && (len(sizes) != 2 || sizes[0] == 0 || sizes[1] != 0) {
			return fmt.Errorf("the sizes are %v", sizes)
		}
		return err
	},
	"IndexSlice": func(ctx context.Context, p place) error {
		for _, document := range []*uuid.UUID{nil, &p.document.ID} {
			if _, _, err := p.rows.IndexSlice(ctx, p.scope, chunks.Pending{DocumentID: document, Last: 1000}, 5, 1<<20); err != nil {
				return err
			}
		}
		return nil
	},
	"PurgeOfDocuments": func(ctx context.Context, p place) error {
		gone, err := p.rows.PurgeOfDocuments(ctx, p.scope, []uuid.UUID{p.document.ID}, 5)
		if err == nil && gone.Chunks != 5 {
			return fmt.Errorf("%d chunks were purged", gone.Chunks)
		}
		return err
	},
	"PurgeOfNone": func(ctx context.Context, p place) error {
		_, err := p.rows.PurgeOfNone(ctx, p.scope, 3, 5)
		return err
	},
	"DeleteChunksByDocument": func(ctx context.Context, p place) error {
		_, _, err := p.rows.DeleteChunksByDocument(ctx, p.scope, p.document.ID)
		return err
	},
}

// once gives one chunk that is not there yet.
func once(p place) chunks.RowSource {
	given := false
	return func() (chunks.NewChunk, error) {
		if given {
			return chunks.NewChunk{}, io.EOF
		}
		given = true
		return chunks.NewChunk{DocumentID: &p.document.ID, ChunkIndex: int(uuid.New().ID() >> 1), Content: "one more"}, nil
	}
}
