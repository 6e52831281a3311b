package operations

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/database"
	"semantik/platform/events"
)

const (
	// tellEvery is the time between two tellings of how far operations are. Steps end
	// more often than anybody can look, and a telling locks out commits elsewhere.
	tellEvery = 250 * time.Millisecond
	// tellTimeout bounds one telling; nothing is lost with it but a glance.
	tellTimeout = 5 * time.Second
)

// teller tells how far the operations of this process are: of each the last that is
// known, all of them in one statement, and only so often. What it has not told when
// an operation ends is told with the end. With it goes what has become of documents.
type teller struct {
	db   *database.DB
	rows *collections.Repository
	log  *slog.Logger

	mu      sync.Mutex
	waiting map[uuid.UUID]told
	// documents wait by their operation.
	documents map[uuid.UUID]*documentsToTell
	// turn is held by who tells.
	turn chan struct{}
	// bell holds one ring while something waits.
	bell chan struct{}
}

// told is how far an operation is.
type told struct {
	operation Operation
	progress  Progress
	// finished says that more documents are done with than were last told.
	finished bool
}

func newTeller(db *database.DB, rows *collections.Repository, log *slog.Logger) *teller {
	return &teller{
		db: db, rows: rows, log: log, waiting: map[uuid.UUID]told{}, documents: map[uuid.UUID]*documentsToTell{},
		turn: make(chan struct{}, 1), bell: make(chan struct{}, 1),
	}
}

// note keeps what is to be told next. It costs a step nothing to speak of.
func (t *teller) note(o Operation, p Progress, finished bool) {
	t.mu.Lock()
	t.waiting[o.UUID] = told{operation: o, progress: p, finished: finished || t.waiting[o.UUID].finished}
	t.mu.Unlock()
	t.ring()
}

func (t *teller) ring() {
	select {
	case t.bell <- struct{}{}:
	default:
	}
}

// forget drops what is still to be told about an operation that has ended.
func (t *teller) forget(id uuid.UUID) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, id)
	delete(t.documents, id)
}

// inTurn calls fn while nobody else tells.
func (t *teller) inTurn(ctx context.Context, fn func() error) error {
	select {
	case t.turn <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-t.turn }()
	return fn()
}

func (t *teller) take() map[uuid.UUID]told {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.waiting
	t.waiting = map[uuid.UUID]told{}
	return taken
}

// run tells until the context ends.
func (t *teller) run(ctx context.Context) {
	ticker := time.NewTicker(tellEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.bell:
		}
		if err := t.inTurn(ctx, func() error { return t.tell(ctx) }); err != nil && ctx.Err() == nil {
			t.log.DebugContext(ctx, "how far operations are could not be told", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (t *teller) tell(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tellTimeout)
	defer cancel()
	waiting := t.take()
	all, more := t.takeDocuments(uuid.Nil)
	if more {
		t.ring()
	}
	var ids []uuid.UUID
	for _, w := range waiting {
		if w.operation.Type != TypeDelete {
			ids = append(ids, w.operation.CollectionID)
		}
	}
	stats, err := t.rows.GetCounts(ctx, ids)
	if err != nil {
		return err
	}
	for _, w := range waiting {
		e := w.operation.progressEvent(w.progress, w.finished)
		if c, ok := stats[w.operation.CollectionID]; ok {
			e.Data["stats"] = statsOf(c)
		}
		all = append(all, e)
	}
	return events.Publish(ctx, t.db, all...)
}
