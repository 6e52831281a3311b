package idempotency

import (
	"time"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// comeAgain is when somebody may ask for an answer that is being made.
const comeAgain = 2 * time.Second

// The errors of a request with a key.
var (
	// ErrKeyInvalid is for a key that is not as it must be.
	ErrKeyInvalid = apperr.Newf(apperr.Invalid, "idempotency_key_invalid",
		"An Idempotency-Key is 1 to %d visible ASCII characters, without spaces, in one header.", MaxKey)

	// ErrKeyReused is for a key that another request had.
	ErrKeyReused = apperr.New(apperr.Invalid, "idempotency_key_reused",
		"This Idempotency-Key was that of another request: the method, the path, the query or the body differs. Nothing was done: send another key with another request.")

	// ErrInProgress is for a request that is being answered.
	ErrInProgress = apperr.New(apperr.Conflict, "idempotency_key_in_progress",
		"The request with this Idempotency-Key is being answered. Ask for its answer again shortly, with the same request.").WithRetryAfter(comeAgain)

	// ErrAnswerNotKept is for a request that was carried out and whose answer was too
	// large.
	ErrAnswerNotKept = apperr.New(apperr.Conflict, "idempotency_answer_not_kept",
		"The request with this Idempotency-Key was carried out, and is not carried out again; its answer was too large to be kept. Look at what is there.")
)

// Constraints says what a violation of each constraint of the table means.
var Constraints = database.Constraints{
	"idempotency_keys_pkey":               ErrInProgress,
	"fk_idempotency_keys_user":            auth.ErrTokenInvalid,
	"ck_idempotency_keys_key":             ErrKeyInvalid,
	"ck_idempotency_keys_response_status": ErrKeyInvalid,
	"ck_idempotency_keys_lease_until":     ErrKeyInvalid,
}
