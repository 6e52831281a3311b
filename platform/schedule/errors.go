package schedule

import (
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The package's errors. Their codes are part of the API.
var (
	// ErrNotFound means that no task has the name.
	ErrNotFound = apperr.New(apperr.NotFound, "task_not_found",
		"There is no scheduled task with this name. GET /api/v2/system/tasks lists them.")
	// ErrRunning means that the task is being done.
	ErrRunning = apperr.New(apperr.Conflict, "task_running",
		"The task is running already. Wait for its end.")

	errExists  = apperr.New(apperr.Conflict, "task_exists", "There is a scheduled task with this name already.")
	errInvalid = apperr.New(apperr.Invalid, "task_invalid", "A value of the scheduled task is not among those allowed.")
)

// Constraints says what a violation of each constraint of scheduled_tasks means.
var Constraints = database.Constraints{
	"scheduled_tasks_pkey":           errExists,
	"ck_scheduled_tasks_name":        errInvalid,
	"ck_scheduled_tasks_last_status": errInvalid,
	"ck_scheduled_tasks_holder":      errInvalid,
}
