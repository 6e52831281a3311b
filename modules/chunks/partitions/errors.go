package partitions

import (
	"time"

	"semantik/platform/apperr"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound means that there is no partition with this number.
	ErrNotFound = apperr.New(apperr.NotFound, "partition_not_found",
		"There is no partition with this number; /api/v2/partitions/health-summary lists them.")

	// ErrCountTooLong means that counting every chunk takes longer than it may.
	ErrCountTooLong = apperr.Newf(apperr.Unavailable, "partition_count_too_long",
		"Counting every chunk takes longer than %s; ask for one partition with partition_num, or leave exact out for the estimates.",
		CountLimit).WithRetryAfter(time.Minute)

	// ErrCountBusy means that chunks are being counted already.
	ErrCountBusy = apperr.New(apperr.Unavailable, "partition_count_busy",
		"The chunks are being counted for somebody else right now; try again shortly, or leave exact out for the estimates.").WithRetryAfter(5 * time.Second)
)
