package operations

import (
	"slices"

	"semantik/platform/jobs"
)

// Status is the state of an operation.
type Status string

// The states. The last three are final, and an operation reaches one of them
// once.
const (
	StatusPending    Status = "pending"
	StatusProcessing Status = "processing"
	StatusCompleted  Status = "completed"
	StatusFailed     Status = "failed"
	StatusCancelled  Status = "cancelled"
)

// Statuses lists the states in the order of an operation's life.
var Statuses = []Status{StatusPending, StatusProcessing, StatusCompleted, StatusFailed, StatusCancelled}

// Transitions lists, for each state, the states that may follow. A processing
// operation is pending again when its worker stops and hands it back.
var Transitions = map[Status][]Status{
	StatusPending:    {StatusProcessing, StatusCancelled},
	StatusProcessing: {StatusCompleted, StatusFailed, StatusCancelled, StatusPending},
}

// Active reports whether the operation has not ended.
func (s Status) Active() bool {
	return slices.Contains([]Status{StatusPending, StatusProcessing}, s)
}

// Wait is why nobody works at an operation that could go on. To clients it is as if
// somebody did.
type Wait string

// The reasons.
const (
	// WaitTurn means that its slice of time is over, and others are at it.
	WaitTurn Wait = "turn"
	// WaitRetry means that its attempt ended with an error, and that the next one
	// begins when the lease has lapsed.
	WaitRetry Wait = "retry"
	// WaitLimit means that its user, or everybody, has as many in hand as may be. No
	// bell hangs for it; one is rung when there is room.
	WaitLimit Wait = "limit"
)

// Type is what an operation does.
type Type string

// The types.
const (
	// TypeIndex makes a new collection ready, with the documents that wait in it.
	TypeIndex Type = "index"
	// TypeAppend adds the documents that wait in a collection.
	TypeAppend Type = "append"
	// TypeReindex cuts a collection's documents anew.
	TypeReindex Type = "reindex"
	// TypeRetry takes up documents that had failed.
	TypeRetry Type = "retry_documents"
	// TypeRemoveSource removes a source with its documents.
	TypeRemoveSource Type = "remove_source"
	// TypeDelete purges a collection that was deleted.
	TypeDelete Type = "delete"
)

// takesDocuments reports whether an operation of the type takes up whatever documents
// wait in its collection, so that more of them may join it.
func (t Type) takesDocuments() bool {
	return t == TypeIndex || t == TypeAppend || t == TypeRetry
}

// interactive reports whether somebody waits for what an operation of the type does:
// most of them have a few documents. How many it has nobody knows when it starts, for
// uploads join it; one that has many shows it by using up its slice.
func (t Type) interactive() bool { return t.takesDocuments() }

// limited reports whether operations of the type count against the limits: a purge is
// the system's, and has a queue of its own.
func (t Type) limited() bool { return t != TypeDelete }

// queue is the queue in which the type's jobs wait: nobody waits for a purge.
func (t Type) queue() string {
	if t == TypeDelete {
		return jobs.Background
	}
	return ""
}
