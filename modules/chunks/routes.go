package chunks

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "list-chunks", Method: http.MethodGet, Path: "/api/v2/chunking/collections/{collection_id}/chunks", Tags: []string{"chunks"},
		Summary: "List the chunks of a collection",
		Description: "In the order of their index. Every page has next; given back as after it reads on by key, " +
			"which is as fast at any depth, while pages by number end at the 100,000th chunk.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, s.handleList)
	web.Register(api, huma.Operation{
		OperationID: "get-chunk", Method: http.MethodGet, Path: "/api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}", Tags: []string{"chunks"},
		Summary:     "Read a chunk",
		Description: "With context, also up to so many chunks of the same document before it and after it: what a prompt needs around a hit.",
		Security:    web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleGet)
	registerEdit(api, s)
	registerExport(api, s)
	registerVectors(api, s)
	registerStatistics(api, s)
	registerLoad(api, s)
	registerSearch(api, s)
}

type listRequest struct {
	web.Cursor
	CollectionID web.UUID `path:"collection_id"`
	DocumentID   string   `query:"document_id" doc:"Only the chunks of this document."`
	NoVector     bool     `query:"without_embedding" doc:"Only chunks with no embedding_vector_id. total is null then, and a page may be short, or empty, although there is a next one."`
}

type chunkPageAnswer struct{ Body chunkPageBody }

func (s *Service) handleList(ctx context.Context, in *listRequest) (*chunkPageAnswer, error) {
	q := PageQuery{Page: in.Page, PageSize: in.Size(), WithoutVector: in.NoVector}
	if in.DocumentID != "" {
		id, err := web.ParseUUID(in.DocumentID)
		if err != nil {
			return nil, errBadDocumentID.WithCause(err)
		}
		q.DocumentID = &id
	}
	if in.ByKey() {
		q.After = &Key{}
		if err := web.DecodeCursor(in.After, q.After); err != nil {
			return nil, err
		}
		if !q.After.valid() {
			return nil, errBadCursor
		}
	}
	page, err := s.List(ctx, in.CollectionID.UUID, q)
	if err != nil {
		return nil, err
	}
	body := chunkPageBody{
		Chunks: newChunkBodies(page.Chunks), Total: page.Total, Page: in.Page, PageSize: in.Size(), HasNext: page.HasNext,
	}
	if page.Next != nil {
		next := web.EncodeCursor(page.Next)
		body.Next = &next
	}
	return &chunkPageAnswer{body}, nil
}

type getRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	ChunkID      int64    `path:"chunk_id"`
	Context      int      `query:"context" minimum:"0" maximum:"10" default:"0" doc:"How many neighbours of each side to give."`
}

type oneChunkAnswer struct {
	ETag string `header:"ETag" doc:"For If-Match, when the chunk is to be changed."`
	Body oneChunkBody
}

func newOneChunkAnswer(c Chunk) *oneChunkAnswer {
	return &oneChunkAnswer{ETag: web.ETag(c.UpdatedAt), Body: newOneChunkBody(c)}
}

func (s *Service) handleGet(ctx context.Context, in *getRequest) (*oneChunkAnswer, error) {
	if in.Context == 0 {
		c, err := s.Get(ctx, in.CollectionID.UUID, in.ChunkID)
		if err != nil {
			return nil, err
		}
		return newOneChunkAnswer(c), nil
	}
	c, around, err := s.GetWithNeighbours(ctx, in.CollectionID.UUID, in.ChunkID, in.Context)
	if err != nil {
		return nil, err
	}
	answer := newOneChunkAnswer(c)
	before, after := newChunkBodies(around.Before), newChunkBodies(around.After)
	answer.Body.Before, answer.Body.After = &before, &after
	return answer, nil
}
