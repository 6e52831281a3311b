package documents

import (
	"time"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound means that the collection has no such document.
	ErrNotFound = apperr.New(apperr.NotFound, "document_not_found",
		"The collection has no document with this id.")

	// ErrDuplicate means that the collection has a document with this content.
	ErrDuplicate = apperr.New(apperr.Conflict, "document_duplicate",
		"The collection has a document with the same content already.")

	// ErrPathTaken means that another content has the path.
	ErrPathTaken = apperr.New(apperr.Conflict, "document_path_taken",
		"The collection has a document with this path and another content.")

	// ErrTooLarge means that a file is larger than a file may be.
	ErrTooLarge = apperr.New(apperr.TooLarge, "file_too_large",
		"The file is too large.")

	// ErrNoRoom means that the server's disk is full.
	ErrNoRoom = apperr.New(apperr.Unavailable, "storage_full",
		"The server has no room for the file on its disk. The operator must make room.").WithRetryAfter(time.Minute)

	// ErrNoFile means that an upload has no file in it.
	ErrNoFile = apperr.New(apperr.Invalid, "file_missing",
		"The upload has no file: send at least one part named \"file\".")

	// ErrPathTwice means that an earlier file of the same upload has the path.
	ErrPathTwice = apperr.New(apperr.Invalid, "file_path_twice",
		"An earlier file of this upload has the same path and another content; only that one was taken. Give this one another name, or send it by itself to replace the other.")

	errNamesTooLarge = apperr.Newf(apperr.TooLarge, "file_names_too_large",
		"The paths of the files of one upload may have %d MiB together. Send the rest in another one.", MaxAnswerNames>>20)

	// ErrContentChanged means that a document got another content while it was
	// being worked on; what was done with the old one is dropped.
	ErrContentChanged = apperr.New(apperr.Conflict, "document_changed",
		"The document was changed while it was being worked on.")

	// ErrNotFailed means that a document that has not failed is to be retried.
	ErrNotFailed = apperr.New(apperr.Malformed, "document_not_failed",
		"Only failed documents can be retried.")

	// ErrNotDeleted means that a document that was not deleted is to be restored.
	ErrNotDeleted = apperr.New(apperr.Conflict, "document_not_deleted",
		"The document is not in the bin.")

	// ErrPurged means that a document was deleted so long ago that it cannot come back.
	ErrPurged = apperr.New(apperr.NotFound, "document_purged",
		"The document was deleted longer ago than deleted documents are kept, and cannot be restored any more. Upload the file again.")

	// ErrNotLoadable means that a document is still to get the chunks of its own content,
	// or has none because that could not be read: what is done to its chunks would be lost.
	ErrNotLoadable = apperr.New(apperr.Conflict, "document_not_loadable",
		"The chunks of a document can be changed only once it is completed.")

	// ErrNoContent means that a document was registered, and its content is kept
	// elsewhere.
	ErrNoContent = apperr.New(apperr.NotFound, "document_without_content",
		"The document was registered without its content: the file is kept elsewhere.")

	// ErrBadFilter means that a condition on metadata is not understood.
	ErrBadFilter = apperr.New(apperr.Malformed, "metadata_filter_invalid",
		"The condition on metadata cannot be used.")

	errNoWord = apperr.New(apperr.Malformed, "query_without_words",
		"The parameter q has no word to look for, only punctuation.")

	errExists = apperr.New(apperr.Conflict, "document_exists",
		"There is a document with this id already.")
	errSourceGone = apperr.New(apperr.Conflict, "source_not_found",
		"The source that the document belongs to is not in this collection, or is not there any more.")
	errInvalidRow = apperr.New(apperr.Invalid, "document_invalid",
		"A value of the document is not among those allowed.")

	errNotBoth = apperr.New(apperr.Malformed, "document_filters_exclude",
		"A document that is deleted has no other status: leave out status, or deleted=true.")
	errUnknownStatus = apperr.New(apperr.Malformed, "unknown_document_status",
		"The status is not one of pending, processing, completed, failed, deleted.")
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"documents_pkey": errExists,
	"uq_documents_id_collection_id_partition_key": errExists,
	"ix_documents_collection_content_hash":        ErrDuplicate,
	"fk_documents_collection":                     collections.ErrNotFound,
	"fk_documents_source":                         errSourceGone,
	"ck_documents_file_path":                      errInvalidRow,
	"ck_documents_file_name":                      errInvalidRow,
	"ck_documents_file_size":                      errInvalidRow,
	"ck_documents_mime_type":                      errInvalidRow,
	"ck_documents_content_hash":                   errInvalidRow,
	"ck_documents_status":                         errInvalidRow,
	"ck_documents_deleted_at":                     errInvalidRow,
	"ck_documents_error_category":                 errInvalidRow,

	// Two who store the content of one document at once.
	"document_contents_pkey":        ErrContentChanged,
	"fk_document_contents_document": ErrNotFound,
	"ck_document_contents_kind":     errInvalidRow,
	"ck_document_contents_slice":    errInvalidRow,

	"source_copies_pkey":         errExists,
	"fk_source_copies_source":    errSourceGone,
	"ck_source_copies_file_path": errInvalidRow,
}
