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

// queue is the queue in which the type's jobs wait: nobody waits for a purge.
func (t Type) queue() string {
	if t == TypeDelete {
		return jobs.Background
	}
	return ""
}
