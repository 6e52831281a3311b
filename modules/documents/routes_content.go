package documents

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// contentMaxAge is how many seconds a client may keep a content without asking.
const contentMaxAge = 3600

func registerContent(api huma.API, s *Service) {
	bytes := &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}}
	web.Register(api, huma.Operation{
		OperationID: "read-document-content", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}/documents/{document_id}/content", Tags: []string{"documents"},
		Summary: "Read the original file of a document",
		Description: "Byte for byte what was uploaded, or a range of it. The ETag is the document's content_hash. An answer that does not come to its end, " +
			"because the content was replaced or the right to it withdrawn meanwhile, is broken off without the end of its body, which a client reports as an error.",
		Security: web.Bearer(), Errors: []int{http.StatusNotFound, http.StatusPreconditionFailed, http.StatusRequestedRangeNotSatisfiable},
		Responses: map[string]*huma.Response{
			"200": {Description: "The file, in the type that is known of it.", Content: map[string]*huma.MediaType{"*/*": bytes}},
			"206": {Description: "A range of it.", Content: map[string]*huma.MediaType{"*/*": bytes}},
			"304": {Description: "It is as the client has it."},
		},
	}, s.handleContent)
}

func (s *Service) handleContent(ctx context.Context, in *getRequest) (*huma.StreamResponse, error) {
	content, err := s.OpenContent(ctx, in.CollectionID.UUID, in.DocumentID.UUID)
	if err != nil {
		return nil, err
	}
	d := content.Document()
	file := web.File{Name: d.FileName, Tag: d.ContentHash, Content: content, MaxAge: contentMaxAge}
	if d.MimeType != nil {
		file.MediaType = *d.MimeType
	}
	return web.FileAnswer(file), nil
}
