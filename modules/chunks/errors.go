package chunks

import (
	"time"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound means that the collection has no such chunk.
	ErrNotFound = apperr.New(apperr.NotFound, "chunk_not_found",
		"The collection has no chunk with this id.")

	// ErrConflict means that the document has a chunk with this index.
	ErrConflict = apperr.New(apperr.Conflict, "chunk_exists",
		"The document has a chunk with this index already.")

	// ErrDocumentNotFound means that a chunk names a document that the collection
	// does not have.
	ErrDocumentNotFound = apperr.New(apperr.Conflict, "chunk_document_not_found",
		"The document that the chunk belongs to is not in this collection, or is not there any more.")

	// ErrChanged means that a chunk is not any more as the caller has seen it.
	ErrChanged = apperr.New(apperr.PreconditionFailed, "chunk_changed",
		"The chunk has changed since you read it. Read it again, and make your change to what it is now.")

	// ErrSearchTimeout means that there was no time to search any of the collections.
	ErrSearchTimeout = apperr.New(apperr.Unavailable, "search_timeout",
		"The search took longer than it may. Try again, or ask more particularly: fewer collections, rarer words, longer beginnings before *.").WithRetryAfter(5 * time.Second)

	errInvalidRow = apperr.New(apperr.Invalid, "chunk_invalid",
		"The index of a chunk must be 0 or more.")

	errBadDocumentID = apperr.New(apperr.Malformed, "invalid_document_id",
		"The document_id is not a version 4 UUID.")
	errBadCursor = apperr.New(apperr.Malformed, "invalid_cursor",
		"The value of after is not one that this API has given out.")
	errBadPosition = apperr.New(apperr.Malformed, "invalid_cursor",
		"The value of after must be the document_id and the chunk_index of the last line that came, with a colon between them; :17 for one without a document.")
	errNoDocumentID = apperr.New(apperr.Malformed, "document_id_missing",
		"Name the document whose chunks are to be deleted as document_id. All chunks of a collection go when it is deleted.")
	errNumberedWithoutVector = apperr.New(apperr.Malformed, "page_not_numbered",
		"Chunks without a vector are not counted, and have no pages by number: read on with after.")
	// ErrPageTooLong is a page by number whose chunks are too long to be in one answer.
	ErrPageTooLong = apperr.Newf(apperr.Invalid, "page_too_long",
		"The chunks have more than %d MiB together: ask for fewer at once, or read on with after.", MaxPageBytes>>20)
	errResultsTooLong = apperr.Newf(apperr.Invalid, "results_too_long",
		"The texts and the metadata of the results have more than %d MiB together: ask for fewer results with k, or set include_content to false.", MaxPageBytes>>20)
	errTooDeep = apperr.Newf(apperr.Malformed, "page_too_deep",
		"Pages by number end at the %dth chunk; read on with after, which is as fast at any depth.", MaxOffset)
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"chunks_pkey":                    ErrConflict,
	"uq_chunks_document_chunk_index": ErrConflict,
	"fk_chunks_collection":           collections.ErrNotFound,
	"fk_chunks_document":             ErrDocumentNotFound,
	"ck_chunks_chunk_index":          errInvalidRow,

	"chunk_search_pkey":          ErrConflict,
	"fk_chunk_search_collection": collections.ErrNotFound,
	"fk_chunk_search_document":   ErrDocumentNotFound,

	"chunk_search_backlog_pkey":           ErrConflict,
	"fk_chunk_search_backlog_collection":  collections.ErrNotFound,
	"ck_chunk_search_backlog_first_index": errInvalidRow,
	"ck_chunk_search_backlog_last_index":  errInvalidRow,
	"ck_chunk_search_backlog_new_chunks":  errInvalidRow,
}
