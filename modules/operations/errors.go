package operations

import (
	"errors"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound is the same for an operation that does not exist and for one
	// that the caller has no right to see.
	ErrNotFound = apperr.New(apperr.NotFound, "operation_not_found",
		"There is no operation with this id that you may see.")

	// ErrActive means that the collection has an active operation already.
	ErrActive = apperr.New(apperr.Conflict, "operation_active",
		"The collection has an operation that has not ended. Wait for its end, or cancel it.")

	// ErrEnded means that an operation that has ended is to be cancelled.
	ErrEnded = apperr.New(apperr.Malformed, "operation_ended",
		"The operation has ended already; only one that is pending or processing can be cancelled.")

	// ErrNotCancellable means that the operation purges what was deleted.
	ErrNotCancellable = apperr.New(apperr.Malformed, "operation_not_cancellable",
		"A deletion cannot be cancelled: the collection is gone for every reader already.")

	errExists = apperr.New(apperr.Conflict, "operation_exists",
		"There is an operation with this id already.")
	errUserGone = apperr.New(apperr.Conflict, "user_not_found",
		"The user who starts the operation does not exist any more.")
	errInvalidRow = apperr.New(apperr.Invalid, "operation_invalid",
		"A value of the operation is not among those allowed.")

	errUnknownStatus = apperr.New(apperr.Malformed, "unknown_operation_status", "Invalid status.")
	errUnknownUser   = apperr.New(apperr.Malformed, "unknown_operation_user", "There is no such user.")
	errUnknownType   = apperr.New(apperr.Malformed, "unknown_operation_type", "Invalid operation type.")
)

// errLost means that the operation is not this worker's any more: it was
// cancelled, its collection deleted, or its lease lapsed and another took it.
var errLost = errors.New("the operation is no longer this worker's")

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"operations_pkey":            errExists,
	"uq_operations_uuid":         errExists,
	"uq_operations_active":       ErrActive,
	"fk_operations_collection":   collections.ErrNotFound,
	"fk_operations_user":         errUserGone,
	"ck_operations_type":         errInvalidRow,
	"ck_operations_status":       errInvalidRow,
	"ck_operations_config":       errInvalidRow,
	"ck_operations_meta":         errInvalidRow,
	"ck_operations_completed_at": errInvalidRow,
	"ck_operations_waits_for":    errInvalidRow,
}
