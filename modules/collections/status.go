package collections

import (
	"slices"
	"strings"
)

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

// Statuses lists the states, in the order of a collection's life.
var Statuses = []Status{StatusPending, StatusProcessing, StatusReady, StatusError, StatusDegraded}

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

// checkTransition is nil where one state may follow the other, and where they are
// the same; else it is [ErrWrongStatus], which names both and what is allowed.
func checkTransition(from, to Status) error {
	if from == to || slices.Contains(Transitions[from], to) {
		return nil
	}
	allowed := Transitions[from]
	return ErrWrongStatus.
		WithMessagef("The collection is %s and cannot become %s; from here it may only become %s.", from, to, joinStatuses(allowed)).
		WithDetail("from", from).WithDetail("to", to).WithDetail("allowed", allowed)
}

// joinStatuses puts states into a sentence: "processing or ready".
func joinStatuses(list []Status) string {
	words := make([]string, len(list))
	for i, s := range list {
		words[i] = string(s)
	}
	return strings.Join(words, " or ")
}

// ParseStatus reads a status as a filter gives it; false if there is none such.
func ParseStatus(s string) (Status, bool) {
	return Status(s), slices.Contains(Statuses, Status(s))
}
