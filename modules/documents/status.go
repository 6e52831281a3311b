package documents

import "slices"

// Status is the state of a document.
type Status string

// The states.
const (
	StatusPending    Status = "pending"
	StatusProcessing Status = "processing"
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
	StatusDeleted    Status = "deleted"
)

// Statuses lists the states, in the order of a document's life.
var Statuses = []Status{StatusPending, StatusProcessing, StatusCompleted, StatusFailed, StatusDeleted}

// Transitions lists, for each state, the states that may follow. A completed
// document is pending again when it has a new content; a processing one when its
// content was replaced under the worker's hands.
var Transitions = map[Status][]Status{
	StatusPending:    {StatusProcessing, StatusDeleted},
	StatusProcessing: {StatusCompleted, StatusFailed, StatusPending, StatusDeleted},
	StatusCompleted:  {StatusPending, StatusDeleted},
	StatusFailed:     {StatusPending, StatusDeleted},
	StatusDeleted:    {StatusPending},
}

// ParseStatus reads a status as a filter gives it; false if there is none such.
func ParseStatus(s string) (Status, bool) {
	return Status(s), slices.Contains(Statuses, Status(s))
}

// Category says whether trying a failed document again can help.
type Category string

// The categories of a failure.
const (
	// CategoryPermanent is a fault of the document itself.
	CategoryPermanent Category = "permanent"
	// CategoryTransient is a fault that may pass.
	CategoryTransient Category = "transient"
	// CategoryUnknown is any other.
	CategoryUnknown Category = "unknown"
)

// FailedCount is how many documents failed, by category.
type FailedCount struct{ Transient, Permanent, Unknown int64 }

// Total is how many there are of all categories.
func (n FailedCount) Total() int64 { return n.Transient + n.Permanent + n.Unknown }
