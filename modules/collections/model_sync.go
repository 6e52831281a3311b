package collections

import (
	"time"

	"github.com/google/uuid"
)

// What a run over the sources of a collection was started by.
const (
	TriggeredByScheduler = "scheduler"
	TriggeredByManual    = "manual"
)

// SyncRun is a row of the table sync_runs: a run over all sources of a collection that
// can be read again.
type SyncRun struct {
	ID           int64
	CollectionID uuid.UUID
	TriggeredBy  string
	// Status is running, and then success, failed or partial.
	Status      string
	StartedAt   time.Time `gorm:"default:now()"`
	CompletedAt *time.Time
	// ExpectedSources are those that the run goes over; each is completed, failed, or
	// partial, where something in it could not be read, in the end.
	ExpectedSources  int
	CompletedSources int
	FailedSources    int
	PartialSources   int
	ErrorSummary     *string
}
