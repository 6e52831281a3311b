package collections

import (
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound is the same for a collection that does not exist and for one
	// that the caller has no right to see.
	ErrNotFound = apperr.New(apperr.NotFound, "collection_not_found",
		"There is no collection with this id that you may see.")

	// ErrForbidden is for those who may read the collection, but not do this.
	ErrForbidden = apperr.New(apperr.Forbidden, "collection_forbidden",
		"You may read this collection, but not change it. Its owner can share it with you.")

	// ErrNameTaken means that another collection has the name; names are unique
	// across all users.
	ErrNameTaken = apperr.New(apperr.Conflict, "collection_name_taken",
		"A collection with this name exists already. Choose another name.")

	// ErrWrongStatus means that the collection's state does not allow this.
	ErrWrongStatus = apperr.New(apperr.Conflict, "collection_wrong_status",
		"The collection is not in a state that allows this. Wait until its operation has ended, and try again.")

	// ErrUnknownStrategy means that the chunking strategy is not one of those on
	// offer.
	ErrUnknownStrategy = apperr.New(apperr.Malformed, "unknown_chunking_strategy",
		"The chunking strategy is not known.")

	errOwnerGone = apperr.New(apperr.Conflict, "owner_not_found",
		"The user who should own this does not exist any more.")
	errInvalidRow = apperr.New(apperr.Invalid, "collection_invalid",
		"A value of the collection is not among those allowed.")
	errSourceExists = apperr.New(apperr.Conflict, "source_exists",
		"The collection has this source already.")
	errPermissionExists = apperr.New(apperr.Conflict, "permission_exists",
		"The collection is already shared with them.")
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"ix_collections_name": ErrNameTaken,
}
