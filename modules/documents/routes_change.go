package documents

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"semantik/platform/web"
)

// registerChange adds the routes that change a document which is there.
func registerChange(api huma.API, s *Service, tags []string) {
	web.Register(api, huma.Operation{
		OperationID: "delete-document", Method: http.MethodDelete, Path: "/api/v2/collections/{collection_id}/documents/{document_id}", Tags: tags,
		Summary:       "Delete a document",
		Description:   "No read and no search sees it or its chunks from then on. Its content stays in the bin for a while; the same file can be uploaded again.",
		DefaultStatus: http.StatusNoContent,
		Security:      web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, s.handleDelete)
	web.Register(api, huma.Operation{
		OperationID: "retry-document", Method: http.MethodPost, Path: "/api/v2/collections/{collection_id}/documents/{document_id}/retry", Tags: tags,
		Summary:     "Work on a failed document again",
		Description: "Whatever it failed of. It joins an operation that works on documents, or starts one of the type retry_documents.",
		Security:    web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleRetry)
	web.Register(api, huma.Operation{
		OperationID: "retry-failed-documents", Method: http.MethodPost, Path: "/api/v2/collections/{collection_id}/documents/retry-failed", Tags: tags,
		Summary:     "Work on the failed documents again",
		Description: "All but those that failed for good, whose error_category is permanent: those need another content, or are retried one by one.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleRetryFailed)
	web.Register(api, huma.Operation{
		OperationID: "restore-document", Method: http.MethodPost, Path: "/api/v2/collections/{collection_id}/documents/{document_id}/restore", Tags: tags,
		Summary: "Take a document out of the bin",
		Description: "It waits to be worked on as if it were new, by an operation that it joins or that is started. A conflict names the document that has its content, " +
			"or its path, by now. One that was registered without its content is completed at once, without chunks.",
		DefaultStatus: http.StatusAccepted,
		Security:      web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleRestore)
}

type restoreAnswer struct{ Body restoredBody }

func (s *Service) handleRestore(ctx context.Context, in *getRequest) (*restoreAnswer, error) {
	r, err := s.Restore(ctx, in.CollectionID.UUID, in.DocumentID.UUID)
	if err != nil {
		return nil, err
	}
	return &restoreAnswer{restoredBody{Document: newDocumentBody(r.Document), OperationID: webUUID(r.OperationID)}}, nil
}

func (s *Service) handleDelete(ctx context.Context, in *getRequest) (*struct{}, error) {
	return nil, s.Delete(ctx, in.CollectionID.UUID, in.DocumentID.UUID)
}

func (s *Service) handleRetry(ctx context.Context, in *getRequest) (*documentAnswer, error) {
	d, err := s.Retry(ctx, in.CollectionID.UUID, in.DocumentID.UUID)
	if err != nil {
		return nil, err
	}
	return &documentAnswer{newDocumentBody(d)}, nil
}

type retryFailedRequest struct {
	CollectionID web.UUID `path:"collection_id"`
}

type retriedBody struct {
	ResetCount   int64     `json:"reset_count" doc:"Documents that had failed and wait again."`
	PendingCount int64     `json:"pending_count" doc:"Documents that wait or are being worked on, those included."`
	OperationID  *web.UUID `json:"operation_id" doc:"The operation that works on them; null when none waits."`
	Message      string    `json:"message"`
}

type retriedAnswer struct{ Body retriedBody }

func (s *Service) handleRetryFailed(ctx context.Context, in *retryFailedRequest) (*retriedAnswer, error) {
	r, err := s.RetryFailed(ctx, in.CollectionID.UUID)
	if err != nil {
		return nil, err
	}
	return &retriedAnswer{retriedBody{
		ResetCount: r.Reset, PendingCount: r.Pending, OperationID: webUUID(r.OperationID), Message: retriedMessage(r),
	}}, nil
}

func retriedMessage(r Retried) string {
	switch {
	case r.Reset == 0 && r.Pending == 0:
		return "There is nothing to retry."
	case r.Reset == 0:
		return "There is nothing to retry; the documents that wait are being worked on."
	default:
		return "The failed documents are being worked on again."
	}
}

func webUUID(id *uuid.UUID) *web.UUID {
	if id == nil {
		return nil
	}
	shown := web.NewUUID(*id)
	return &shown
}
