package documents

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	tags := []string{"documents"}
	web.Register(api, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/documents", Tags: tags,
		Summary: "List the documents of a collection", Description: "Those that failed first, then the newest.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, s.handleList)
	web.Register(api, huma.Operation{
		OperationID: "get-document", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/documents/{document_id}", Tags: tags,
		Summary: "Read a document", Security: web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleGet)
	web.Register(api, huma.Operation{
		OperationID: "upload-documents", Method: http.MethodPost, Path: "/api/v2/collections/{collection_id}/documents", Tags: tags,
		Summary: "Upload files, or register a document",
		Description: "As multipart/form-data takes any number of files, each in a part named \"file\" whose filename is the file's path. " +
			"Each file has its own outcome: created, a duplicate of what is there, or the new content of the document with the same path. " +
			"As application/json registers a document whose content is kept elsewhere: it is completed, and its chunks are loaded.",
		Security: web.Bearer(), DefaultStatus: http.StatusAccepted, RequestBody: uploadRequestBody(api), Responses: uploadResponses(api),
		Errors:   []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType},
		Metadata: web.Bulk("upload"),
	}, s.handleUpload)
	registerChange(api, s, tags)
}

type listRequest struct {
	web.Page
	CollectionID web.UUID `path:"collection_id"`
	Status       string   `query:"status" doc:"pending, processing, completed, failed or deleted."`
}

type documentListAnswer struct{ Body documentListBody }

func (s *Service) handleList(ctx context.Context, in *listRequest) (*documentListAnswer, error) {
	found, total, err := s.List(ctx, in.CollectionID.UUID, in.Status, database.Page{Offset: in.Offset(), Limit: in.Size()})
	if err != nil {
		return nil, err
	}
	body := documentListBody{Documents: make([]documentBody, len(found)), PageInfo: in.Info(total)}
	for i, d := range found {
		body.Documents[i] = newDocumentBody(d)
	}
	return &documentListAnswer{body}, nil
}

type getRequest struct {
	CollectionID web.UUID `path:"collection_id"`
	DocumentID   web.UUID `path:"document_id"`
}

type documentAnswer struct{ Body documentBody }

func (s *Service) handleGet(ctx context.Context, in *getRequest) (*documentAnswer, error) {
	d, err := s.Get(ctx, in.CollectionID.UUID, in.DocumentID.UUID)
	if err != nil {
		return nil, err
	}
	return &documentAnswer{newDocumentBody(d)}, nil
}
