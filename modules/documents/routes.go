package documents

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/platform/web"
)

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	tags := []string{"documents"}
	web.Register(api, huma.Operation{
		OperationID: "list-documents", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/documents", Tags: tags,
		Summary: "List the documents of a collection", Description: "Those that failed first, then the newest. All conditions must hold, and total counts with them. " +
			"metadata has the form of a search's metadata_filter, as in {\"author\": \"x\", \"year\": {\"gte\": 2020}, \"tags\": {\"any\": [\"a\"]}}.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusNotFound},
	}, s.handleList)
	registerContent(api, s)
	registerFailedCount(api, s)
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
	Deleted      bool     `query:"deleted" doc:"Those in the bin, as status=deleted; each says until when it can be restored."`
	Metadata     string   `query:"metadata" doc:"A JSON object whose members must all hold of the metadata."`
	Text         string   `query:"q" maxLength:"1000" doc:"Words of names, paths and metadata, or their beginnings; all of them must be there."`
}

type documentListAnswer struct{ Body documentListBody }

func (s *Service) handleList(ctx context.Context, in *listRequest) (*documentListAnswer, error) {
	if err := checkFilter(in.Metadata); err != nil {
		return nil, err
	}
	found, total, err := s.List(ctx, in.CollectionID.UUID, ListQuery{
		Status: in.Status, Deleted: in.Deleted, Metadata: json.RawMessage(in.Metadata), Text: in.Text, Page: database.Page{Offset: in.Offset(), Limit: in.Size()},
	})
	if err != nil {
		return nil, err
	}
	body := documentListBody{Documents: make([]documentBody, len(found)), PageInfo: in.Info(total)}
	for i, d := range found {
		body.Documents[i] = newDocumentBody(d).inBin(d, s.config.Trash)
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

// checkFilter refuses what a decoder would take and change without a word, such as a
// name that stands twice.
func checkFilter(metadata string) error {
	err := web.CheckJSON([]byte(metadata))
	if err == nil {
		return nil
	}
	reason := strings.Replace(apperr.From(err).Message, "The body", "it", 1)
	return ErrBadFilter.WithMessagef("The parameter metadata cannot be used: %s", reason).WithCause(err)
}

func registerFailedCount(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "count-failed-documents", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/documents/failed/count", Tags: []string{"documents"},
		Summary:     "Count the documents that failed",
		Description: "By what is known of the cause: transient may pass, permanent is a fault of the document itself, unknown is any other.",
		Security:    web.Bearer(), Errors: []int{http.StatusNotFound},
	}, s.handleCountFailed)
}

type countFailedRequest struct {
	CollectionID  web.UUID `path:"collection_id"`
	RetryableOnly bool     `query:"retryable_only" doc:"Leaves out the permanent ones, which trying again cannot help."`
}

type failedCountAnswer struct{ Body failedCountBody }

func (s *Service) handleCountFailed(ctx context.Context, in *countFailedRequest) (*failedCountAnswer, error) {
	n, err := s.CountFailed(ctx, in.CollectionID.UUID, in.RetryableOnly)
	if err != nil {
		return nil, err
	}
	return &failedCountAnswer{failedCountBody{Transient: n.Transient, Permanent: n.Permanent, Unknown: n.Unknown, Total: n.Total()}}, nil
}
