package upkeep

import (
	"context"
	"log/slog"
	"time"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/archive"
	"semantik/platform/audit"
	"semantik/platform/database"
	"semantik/platform/idempotency"
	"semantik/platform/jobs"
	"semantik/platform/schedule"
)

const (
	// newestOperations and newestSyncRuns are how many of a collection stay, however
	// old they are.
	newestOperations = 100
	newestSyncRuns   = 100

	// heavy is how many rows of a purge a content's slice of 256 KiB, or a document, is
	// counted as.
	heavy = 50
)

// Deps are what the tasks stand on.
type Deps struct {
	DB             *database.DB
	Collections    *collections.Service
	CollectionRows *collections.Repository
	DocumentRows   *documents.Repository
	ChunkRows      *chunks.Repository
	OperationRows  *operations.Repository
	UserRows       *users.Repository
	Audit          *audit.Log
	Keys           *idempotency.Keeper
	Queue          *jobs.Queue
}

// Config says what is kept, and how fast the rest goes.
type Config struct {
	// Trash is how long a deleted document's content is kept; 0 until the next look.
	Trash time.Duration
	// Operations is how long an operation that has ended is kept, and the row of a
	// deleted collection.
	Operations time.Duration
	// APIKeys is how long an API key is kept that has expired or was revoked.
	APIKeys time.Duration
	// Archive is where operations are kept that are removed; nil keeps none.
	Archive *archive.Archive
	// SpoolDir is where uploads are while they come in; "" is not looked at.
	SpoolDir string
	// Rows is how many rows one transaction deletes at the most;
	// [operations.DefaultPurgeRows] if zero.
	Rows int
	// Pause is the time between two transactions.
	Pause time.Duration
	// Logger receives what should not be; nil discards it.
	Logger *slog.Logger
}

// upkeep has what all tasks need.
type upkeep struct {
	Deps

	config     Config
	repository *repository
}

// newUpkeep fills in what is left open.
func newUpkeep(deps Deps, config Config) *upkeep {
	if config.Rows <= 0 {
		config.Rows = operations.DefaultPurgeRows
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &upkeep{Deps: deps, config: config, repository: &repository{deps.DB}}
}

// Tasks gives the tasks, in the order in which they are listed.
func Tasks(deps Deps, config Config) []schedule.Task {
	u := newUpkeep(deps, config)
	return []schedule.Task{
		{
			Name: "recount", Every: 7 * 24 * time.Hour, Again: time.Hour, Limit: 6 * time.Hour, Do: u.recount,
			Description: "Compare the counters of every collection with what there is, and correct those that are wrong.",
		},
		{
			Name: "bin", Every: time.Hour, AtOnce: true, Do: u.emptyBin,
			Description: "Remove documents that were deleted longer ago than TRASH_DAYS, with their contents, and what killed servers have left of uploads.",
		},
		{
			Name: "operations", Every: 24 * time.Hour, Again: time.Hour, AtOnce: true, Do: u.forgetOperations,
			Description: "Remove operations that ended longer ago than OPERATION_RETENTION_DAYS, but for the newest 100 of each collection, " +
				"and what tells of collections deleted longer ago. They are written to a file in ARCHIVE_DIR first.",
		},
		{
			Name: "expired", Every: time.Hour, AtOnce: true, Do: u.forgetExpired,
			Description: "Remove refresh tokens and idempotency keys that have expired, API keys that are no good since API_KEY_RETENTION_DAYS, " +
				"and all but the newest 100 sync runs of each collection; " +
				"end the queue's jobs whose processes are gone.",
		},
	}
}

// inSlices calls slice until it has nothing left to do, with a pause between two. Each
// call is a transaction, or several short ones.
func (u *upkeep) inSlices(ctx context.Context, slice func(ctx context.Context) (more bool, err error)) error {
	for {
		more, err := slice(ctx)
		if err != nil || !more {
			return err
		}
		if err := u.pause(ctx); err != nil {
			return err
		}
	}
}

// pause leaves the database to others for a while.
func (u *upkeep) pause(ctx context.Context) error {
	timer := time.NewTimer(u.config.Pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}
