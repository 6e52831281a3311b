package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/events"
	"semantik/platform/sockets"
)

const (
	// watchedAtMost bounds how many operations a socket looks after by itself. A user
	// with more active ones hears of the rest by events alone.
	watchedAtMost = 100
	// endsRemembered is how many ends a socket remembers to have told. What comes
	// late about an operation comes within a second of its end.
	endsRemembered = 1000
)

// watchOwn carries the operations that a user has started, as far as that user may
// read them. It begins with nothing. The end of each is told once.
type watchOwn struct {
	sockets.Subscribed

	rights *rights
	// active are those that are known to be so.
	active map[uuid.UUID]bool
	// ended are those of which the end was told, and the order in which it was.
	ended map[uuid.UUID]bool
	order []uuid.UUID
}

// watchOwn prepares to watch the caller's operations.
func (s *Service) watchOwn(ctx context.Context, bus *events.Bus) (sockets.Feed, error) {
	who, err := auth.RequireScope(ctx, auth.ScopeRead)
	if err != nil {
		return nil, err
	}
	return &watchOwn{
		Subscribed: sockets.Subscribed{Subscription: bus.Subscribe(topicOfUser(who.UserID))}, rights: newRights(s),
		active: map[uuid.UUID]bool{}, ended: map[uuid.UUID]bool{},
	}, nil
}

// Begin is a feed's.
func (w *watchOwn) Begin(ctx context.Context, s *sockets.Socket) error {
	err := w.findActive(ctx, s)
	if passes(err) {
		return nil // it will look again
	}
	return err
}

// findActive looks for operations that are to be looked after.
func (w *watchOwn) findActive(ctx context.Context, s *sockets.Socket) error {
	ctx, err := s.Who(ctx)
	if err != nil {
		return err
	}
	found, _, err := w.rights.service.List(ctx, ListQuery{Status: "pending,processing", Page: database.Page{Limit: watchedAtMost}})
	if err != nil {
		return err
	}
	for _, o := range found {
		w.noteActive(o.UUID)
	}
	return nil
}

func (w *watchOwn) noteActive(id uuid.UUID) {
	if len(w.active) < watchedAtMost && !w.ended[id] {
		w.active[id] = true
	}
}

// Hear is a feed's.
func (w *watchOwn) Hear(ctx context.Context, s *sockets.Socket, n *events.Notice) error {
	if n.Missed {
		return w.look(ctx, s)
	}
	id, ok := aboutOperation(n.Data)
	if !ok || w.ended[id] {
		return nil
	}
	if isEventOfEnd(n.Type) {
		return w.lookAt(ctx, s, id, n)
	}
	w.noteActive(id)
	err := w.rights.check(ctx, s, id)
	if apperr.KindOf(err) == apperr.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	return s.Send(ctx, n.Type, n.At, n.Data)
}

// Check is a feed's.
func (w *watchOwn) Check(ctx context.Context, s *sockets.Socket) error {
	err := w.look(ctx, s)
	if passes(err) {
		return nil
	}
	return err
}

// look finds the ends that were missed, and what has begun meanwhile.
func (w *watchOwn) look(ctx context.Context, s *sockets.Socket) error {
	for id := range w.active {
		if err := w.lookAt(ctx, s, id, nil); err != nil {
			return err
		}
	}
	return w.findActive(ctx, s)
}

// lookAt tells the end of an operation if it has ended, to whom may know it.
func (w *watchOwn) lookAt(ctx context.Context, s *sockets.Socket, id uuid.UUID, n *events.Notice) error {
	o, err := w.rights.read(ctx, s, id)
	switch {
	case apperr.KindOf(err) == apperr.NotFound:
		delete(w.active, id)
		return nil
	case err != nil:
		return err
	case o.Status.Active():
		return nil
	}
	delete(w.active, id)
	w.noteEnd(id)
	return sendEnd(ctx, s, o, n)
}

func (w *watchOwn) noteEnd(id uuid.UUID) {
	if len(w.order) == endsRemembered {
		delete(w.ended, w.order[0])
		w.order = w.order[1:]
	}
	w.ended[id] = true
	w.order = append(w.order, id)
}
