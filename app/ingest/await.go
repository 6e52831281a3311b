package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"semantik/app/client"
)

// How often a collection is looked at that others work on.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = 500 * time.Millisecond
)

// awaitIndex waits until nothing is being done to the collection any more, and
// finds out which files hold nothing that can be searched.
func (l *loader) awaitIndex(ctx context.Context) error {
	collection, err := l.collection(ctx)
	if err != nil {
		return fmt.Errorf("waiting for the collection: %w", err)
	}
	// An operation may be at work that an earlier load has started.
	if collection.Working() {
		active := client.OperationFilter{CollectionID: collection.ID, Status: "pending,processing"}
		for operation, err := range l.o.Client.Operations(ctx, active) {
			if err != nil {
				return fmt.Errorf("waiting for the collection: %w", err)
			}
			l.tally.working(operation.Value.ID)
		}
	}
	var failure error
	if collection.Working() || len(l.tally.operations) > 0 {
		l.o.Progress.Phase(PhaseIndex, 0)
		if failure, err = l.awaitOperations(ctx); err != nil {
			return err
		}
		if collection, err = l.awaitCollection(ctx); err != nil {
			return err
		}
	}
	l.tally.update(func(r *Report) { r.Chunks, r.Waited = collection.VectorCount, true })
	if collection.ErrorCount > 0 {
		if err := l.findUnreadable(ctx, collection); err != nil {
			return err
		}
	}
	if failure != nil && len(l.tally.report.Unreadable) == 0 {
		return failure
	}
	return nil
}

// awaitOperations watches all that work on what was uploaded. failure is that of the
// last one.
func (l *loader) awaitOperations(ctx context.Context) (failure, err error) {
	for _, id := range l.tally.operations {
		ended, err := l.o.Client.Watch(ctx, id, func(o client.Operation) {
			if p := o.Progress; p != nil {
				l.o.Progress.Set(p.Done, max(p.Done, p.Total))
			}
		})
		if err != nil {
			return nil, fmt.Errorf("waiting for the operation %s: %w", id, err)
		}
		if failure = failureOf(ended.Value); failure != nil {
			l.tally.update(func(r *Report) {
				r.Unfinished = append(r.Unfinished, Unfinished{id, ended.Value.Type, ended.Value.Status, failure.Error()})
			})
		}
	}
	return failure, nil
}

func failureOf(o client.Operation) error {
	switch {
	case o.Status == client.StatusCompleted:
		return nil
	case o.ErrorMessage != nil && *o.ErrorMessage != "":
		return errors.New(*o.ErrorMessage)
	default:
		return fmt.Errorf("the operation %s was %s", o.ID, o.Status)
	}
}

// awaitCollection waits for what others do to the collection as well: a search
// finds all of it only then.
func (l *loader) awaitCollection(ctx context.Context) (client.Collection, error) {
	pause := firstLook
	for {
		collection, err := l.collection(ctx)
		if err != nil {
			return collection, fmt.Errorf("waiting for the collection: %w", err)
		}
		if !collection.Working() {
			return collection, nil
		}
		if pause, err = rest(ctx, pause); err != nil {
			return collection, err
		}
	}
}

// findUnreadable looks through the documents that failed for those that files of
// this folder stand for.
func (l *loader) findUnreadable(ctx context.Context, collection client.Collection) error {
	for document, err := range l.o.Client.Documents(ctx, collection.ID, "failed") {
		if err != nil {
			return fmt.Errorf("looking at the documents that failed: %w", err)
		}
		path, here := l.tally.here[document.FilePath]
		if !here {
			continue
		}
		reason := "the server gives no reason"
		if document.ErrorMessage != nil {
			reason = *document.ErrorMessage
		}
		l.tally.update(func(r *Report) { r.Unreadable = append(r.Unreadable, Entry{path, reason}) })
	}
	return nil
}

// rest pauses, and gives the next pause, which is longer.
func rest(ctx context.Context, pause time.Duration) (time.Duration, error) {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return pause, context.Cause(ctx)
	case <-timer.C:
		return min(lastLook, pause*3/2), nil
	}
}

// collection is the collection as it is now.
func (l *loader) collection(ctx context.Context) (client.Collection, error) {
	found, err := l.o.Client.Collection(ctx, l.o.Collection.ID)
	return found.Value, err
}
