package client

import (
	"context"
	"time"
)

// How often an operation is looked at that is not heard of: quickly at first, since
// most are short.
const (
	firstLook = 50 * time.Millisecond
	lastLook  = time.Second
)

const (
	// steady is how long a socket lives that is no failure.
	steady = 10 * time.Second
	// lastDial is the longest time between two tries to open a socket.
	lastDial = 30 * time.Second
)

// Watch follows an operation to its end, and gives it as it is then. tell hears how it
// is at first, and each time that this has changed, from one goroutine; nil hears
// nothing.
//
// It listens on a socket, and looks at the operation now and then while there is none:
// before the first, after one was cut, and where sockets are not let through. The
// operation's row has the last word. So a server that is killed and started again, a
// token that expires and a cut connection cost a new socket and no more, for as long as
// the client has patience.
func (c *Client) Watch(ctx context.Context, id string, tell func(Operation)) (Listed[Operation], error) {
	w := watch{client: c, id: id, tell: tell}
	pause := firstLook
	for {
		o, err := c.Operation(ctx, id)
		if err != nil {
			return o, err
		}
		w.update(o.Value)
		if o.Value.Ended() {
			return o, nil
		}
		if !time.Now().Before(w.dialAt) {
			if w.listen(ctx) {
				continue // to read what the end says
			}
			pause = firstLook
		}
		if err := wait(ctx, pause); err != nil {
			return o, err
		}
		pause = min(lastLook, pause*3/2)
	}
}

// watch is what is known of an operation that is watched.
type watch struct {
	client *Client
	id     string
	tell   func(Operation)

	now  Operation
	told bool
	// dialAt is when the next socket is opened, after so many that failed.
	dialAt   time.Time
	failures int
}

// update tells what is new.
func (w *watch) update(o Operation) {
	if w.told && same(w.now, o) {
		return
	}
	w.now, w.told = o, true
	if w.tell != nil {
		w.tell(o)
	}
}

func same(a, b Operation) bool {
	if a.Status != b.Status || (a.Progress == nil) != (b.Progress == nil) {
		return false
	}
	return a.Progress == nil || *a.Progress == *b.Progress
}

// listen hears what a socket tells until it ends; true when the operation has.
func (w *watch) listen(ctx context.Context) (ended bool) {
	opened := time.Now()
	if s, err := w.client.openSocket(ctx, "/ws/operations/"+w.id); err == nil {
		ended = s.run(ctx, w.hear)
	}
	w.failures++
	if time.Since(opened) >= steady {
		w.failures = 0
	}
	w.dialAt = time.Now().Add(min(backoffOf(w.failures), lastDial))
	return ended
}

// hear takes what a frame says into account; true for the last one.
func (w *watch) hear(f frame) bool {
	o := w.now
	switch f.Type {
	case "operation_completed", "operation_failed", "operation_cancelled":
		return true
	case "current_state":
		o.Status = f.Data.Status
	case "operation_started":
		o.Status = f.Data.Status
		if o.StartedAt == nil {
			o.StartedAt = &f.Timestamp
		}
	case "document_processed", "processing_progress":
		p := o.progress()
		p.Failed, p.Skipped, p.Total = f.Data.Failed, f.Data.Skipped, f.Data.Total
		p.Done = f.Data.Processed + p.Failed + p.Skipped
		p.Message = f.Data.CurrentDocument + f.Data.Message // it has one of them
		o.Progress, o.Percent = &p, f.Data.Progress
	case "removing_documents":
		p := o.progress()
		p.Done, p.Total = f.Data.Removed, f.Data.Total
		o.Progress, o.Percent = &p, f.Data.Progress
	default: // it says nothing about how far the operation is
		return false
	}
	w.update(o)
	return false
}

// progress is a copy of how far the operation is.
func (o Operation) progress() Progress {
	if o.Progress == nil {
		return Progress{}
	}
	return *o.Progress
}
