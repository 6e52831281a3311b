package schedule

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// DefaultLimit is how long a task may run at once.
const DefaultLimit = 30 * time.Minute

// Task is work that comes again by itself.
type Task struct {
	// Name is what the task is called in the API: lower-case letters and hyphens.
	Name string
	// Description is a sentence for whoever runs the program.
	Description string
	// Every is the time from the end of one run to the next.
	Every time.Duration
	// Again is the time to the next run after one that has failed; Every if zero.
	Again time.Duration
	// AtOnce makes the task due when it is first known, instead of after Every.
	AtOnce bool
	// Limit is how long it may run; [DefaultLimit] if zero. What it has not done by
	// then it does the next time.
	Limit time.Duration
	// Do does the work, in slices that are a transaction each, and ends soon once its
	// context has. It gives a sentence about what it has done. It may run again after
	// having done anything of it.
	Do func(ctx context.Context, run *Run) (summary string, err error)
}

func (t Task) again() time.Duration {
	if t.Again > 0 {
		return t.Again
	}
	return t.Every
}

func (t Task) limit() time.Duration {
	if t.Limit > 0 {
		return t.Limit
	}
	return DefaultLimit
}

// Run is one run of a task.
type Run struct {
	claim      claim
	repository *repository
}

// Resume reads where the run before this one was when it was cut short, as kept by
// [Run.Keep], and reports whether there is such a place.
func (r *Run) Resume(place any) (bool, error) {
	if len(r.claim.Place) == 0 {
		return false, nil
	}
	if err := json.Unmarshal(r.claim.Place, place); err != nil {
		return false, fmt.Errorf("reading where the task was: %w", err)
	}
	return true, nil
}

// Keep notes where the task is, as JSON, for the run after this one. It is forgotten
// when the run succeeds. It fails when the task is another process's by now.
func (r *Run) Keep(ctx context.Context, place any) error {
	text, err := json.Marshal(place)
	if err != nil {
		return fmt.Errorf("writing where the task is: %w", err)
	}
	return r.repository.keep(ctx, r.claim, text)
}

// State is a task with what is known of it.
type State struct {
	Task

	Record
	Running bool
}
