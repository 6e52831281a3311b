package documents

import (
	"encoding/json"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/web"
)

// documentBody is a document on the wire. Every key is always there, but for the last two.
type documentBody struct {
	FileName        string          `json:"file_name"`
	Metadata        json.RawMessage `json:"metadata"`
	ID              web.UUID        `json:"id"`
	CollectionID    web.UUID        `json:"collection_id"`
	FilePath        string          `json:"file_path"`
	FileSize        int64           `json:"file_size"`
	MimeType        *string         `json:"mime_type"`
	ContentHash     string          `json:"content_hash" doc:"SHA-256 in lower-case hexadecimal."`
	Status          Status          `json:"status" enum:"pending,processing,completed,failed,deleted"`
	ErrorMessage    *string         `json:"error_message"`
	ChunkCount      int64           `json:"chunk_count"`
	RetryCount      int             `json:"retry_count"`
	LastRetryAt     *web.Time       `json:"last_retry_at"`
	ErrorCategory   *Category       `json:"error_category"`
	CreatedAt       web.Time        `json:"created_at"`
	UpdatedAt       web.Time        `json:"updated_at"`
	DeletedAt       *web.Time       `json:"deleted_at,omitempty" doc:"Only of a document in the bin."`
	RestorableUntil *web.Time       `json:"restorable_until,omitempty" doc:"Only of a document in the bin: it is removed within an hour from then."`
}

// inBin adds what there is to say of a document in the bin, where it is one.
func (b documentBody) inBin(d Document, trash time.Duration) documentBody {
	if d.DeletedAt != nil {
		until := d.DeletedAt.Add(trash)
		b.DeletedAt, b.RestorableUntil = web.NewTimePointer(d.DeletedAt), web.NewTimePointer(&until)
	}
	return b
}

func newDocumentBody(d Document) documentBody {
	return documentBody{
		FileName: d.FileName, Metadata: d.Meta, ID: web.NewUUID(d.ID), CollectionID: web.NewUUID(d.CollectionID),
		FilePath: d.FilePath, FileSize: d.FileSize, MimeType: d.MimeType, ContentHash: d.ContentHash, Status: d.Status,
		ErrorMessage: d.ErrorMessage, ChunkCount: d.ChunkCount, RetryCount: d.RetryCount,
		LastRetryAt: web.NewTimePointer(d.LastRetryAt), ErrorCategory: d.ErrorCategory,
		CreatedAt: web.NewTime(d.CreatedAt), UpdatedAt: web.NewTime(d.UpdatedAt),
	}
}

type documentListBody struct {
	Documents []documentBody `json:"documents"`
	web.PageInfo
}

type restoredBody struct {
	Document    documentBody `json:"document"`
	OperationID *web.UUID    `json:"operation_id" doc:"The operation that makes its chunks; null for one that was registered without its content."`
}

// failedCountBody is how many documents failed.
type failedCountBody struct {
	Transient int64 `json:"transient"`
	Permanent int64 `json:"permanent"`
	Unknown   int64 `json:"unknown"`
	Total     int64 `json:"total"`
}

// uploadedBody is what became of one file: a document with its outcome, or, for
// a file that was not taken, its path with the error.
type uploadedBody struct {
	*documentBody
	Outcome  Outcome    `json:"outcome" enum:"created,duplicate,replaced,failed"`
	FilePath string     `json:"file_path"`
	Error    *fileError `json:"error,omitempty" doc:"Why a file was not taken."`
	// MetadataOmitted stands where metadata is null although the document has some.
	MetadataOmitted bool `json:"metadata_omitted,omitempty" doc:"The document has metadata that this answer has no room for; read it by itself."`
}

type fileError struct {
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func newUploadedBody(r Result) uploadedBody {
	if r.Err != nil {
		e := apperr.From(r.Err)
		return uploadedBody{Outcome: r.Outcome, FilePath: r.Path, Error: &fileError{Code: e.Code, Detail: e.Message}}
	}
	d := newDocumentBody(r.Document)
	return uploadedBody{documentBody: &d, Outcome: r.Outcome, FilePath: d.FilePath, MetadataOmitted: r.MetadataOmitted}
}

type uploadAnswerBody struct {
	Documents   []uploadedBody `json:"documents" doc:"What became of each file, in the order of the upload: a document with its outcome."`
	OperationID *web.UUID      `json:"operation_id" doc:"The operation that works on the new documents; null when there are none."`
}
