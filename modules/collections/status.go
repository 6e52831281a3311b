package collections

import "slices"

// Status is the state of a collection.
type Status string

// The states. A collection is degraded when it works only partly, because its
// search rows are being rebuilt, say; documents that failed do not degrade it.
const (
	StatusPending    Status = "pending"
	StatusProcessing Status = "processing"
	StatusReady      Status = "ready"
	StatusError      Status = "error"
	StatusDegraded   Status = "degraded"
)

// Transitions lists, for each state, the states that may follow.
var Transitions = map[Status][]Status{
	StatusPending:    {StatusProcessing, StatusError},
	StatusProcessing: {StatusReady, StatusError, StatusDegraded},
	StatusReady:      {StatusProcessing, StatusDegraded},
	StatusError:      {StatusProcessing},
	StatusDegraded:   {StatusProcessing, StatusReady},
}

// before lists the states from which the given one may follow, itself included:
// asking for the state that already is changes nothing.
func before(to Status) []Status {
	from := []Status{to}
	for s, next := range Transitions {
		if slices.Contains(next, to) {
			from = append(from, s)
		}
	}
	slices.Sort(from)
	return from
}
