package chunks

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

func registerEdit(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "edit-chunk", Method: http.MethodPatch, Path: "/api/v2/chunking/collections/{collection_id}/chunks/{chunk_id}", Tags: []string{"chunks"},
		Summary: "Edit a chunk",
		Description: "What is absent or null stays as it is. The next search finds the new content; embedding_vector_id and token_count are of the old one, and taken away with it. " +
			"With If-Match, an ETag of an earlier answer, nothing is changed once somebody else has changed it.",
		Security: web.Bearer(), MaxBodyBytes: maxLine,
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusPreconditionFailed},
	}, s.handleEdit)
	web.Register(api, huma.Operation{
		OperationID: "delete-chunks", Method: http.MethodDelete, Path: "/api/v2/chunking/collections/{collection_id}/chunks", Tags: []string{"chunks"},
		Summary: "Delete the chunks of a document", Description: "The document itself stays, completed and without chunks.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleDelete)
}

type editRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	ChunkID      int64    `path:"chunk_id"`
	IfMatch      string   `header:"If-Match" doc:"ETags of which the chunk's must be one."`
	Body         editBody
}

// editBody is validated by the service.
type editBody struct {
	Content  *string         `json:"content,omitempty" doc:"1 to 1,000,000 characters, without NUL."`
	Enabled  *bool           `json:"enabled,omitempty" doc:"False keeps the chunk out of searches."`
	Metadata json.RawMessage `json:"metadata,omitempty" doc:"An object of at most 64 KiB, in the place of what was there."`
}

func (s *Service) handleEdit(ctx context.Context, in *editRequest) (*oneChunkAnswer, error) {
	c, err := s.Edit(ctx, in.CollectionID.UUID, in.ChunkID, EditInput{
		Edit:    Edit{Content: in.Body.Content, Enabled: in.Body.Enabled, Metadata: in.Body.Metadata},
		IfMatch: web.IfMatch(in.IfMatch),
	})
	if err != nil {
		return nil, err
	}
	return newOneChunkAnswer(c), nil
}

type deleteRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	DocumentID   string   `query:"document_id" doc:"The document whose chunks go. It must be given."`
}

type deleteAnswer struct {
	Body struct {
		Deleted int64 `json:"deleted"`
	}
}

func (s *Service) handleDelete(ctx context.Context, in *deleteRequest) (*deleteAnswer, error) {
	if in.DocumentID == "" {
		return nil, errNoDocumentID
	}
	id, err := web.ParseUUID(in.DocumentID)
	if err != nil {
		return nil, errBadDocumentID.WithCause(err)
	}
	var answer deleteAnswer
	answer.Body.Deleted, err = s.DeleteOfDocument(ctx, in.CollectionID.UUID, id)
	if err != nil {
		return nil, err
	}
	return &answer, nil
}
