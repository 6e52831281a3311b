package operations

import (
	"context"

	"github.com/google/uuid"

	"semantik/platform/events"
	"semantik/platform/sockets"
)

// watchOne carries one operation. Its client sees the state, what happens from then
// on, and the end: once, whether it comes by an event, was there before, or is found
// by looking because the event was missed. After the end nothing follows.
type watchOne struct {
	sockets.Subscribed

	rights *rights
	id     uuid.UUID
	ended  bool
}

// watchOne prepares to watch an operation that the caller may read; [ErrNotFound]
// for any other.
func (s *Service) watchOne(ctx context.Context, bus *events.Bus, id uuid.UUID) (sockets.Feed, error) {
	if err := s.Authorize(ctx, id); err != nil {
		return nil, err
	}
	return &watchOne{Subscribed: sockets.Subscribed{Subscription: bus.Subscribe(topicOf(id))}, rights: newRights(s), id: id}, nil
}

// Begin is a feed's. The subscription is older than the look, so that nothing
// happens in between.
func (w *watchOne) Begin(ctx context.Context, s *sockets.Socket) error {
	o, err := w.rights.read(ctx, s, w.id)
	if err != nil {
		return err
	}
	if err := sendState(ctx, s, o); err != nil {
		return err
	}
	return w.end(ctx, s, o, nil)
}

// Hear is a feed's.
func (w *watchOne) Hear(ctx context.Context, s *sockets.Socket, n *events.Notice) error {
	switch {
	case w.ended:
		return nil
	case n.Missed, isEventOfEnd(n.Type):
		return w.look(ctx, s, n)
	}
	if err := w.rights.check(ctx, s, w.id); err != nil {
		return err
	}
	return s.Send(ctx, n.Type, n.At, n.Data)
}

// Check is a feed's. It looks for the end too, should events not come at all.
func (w *watchOne) Check(ctx context.Context, s *sockets.Socket) error {
	err := w.look(ctx, s, nil)
	if passes(err) {
		return nil
	}
	return err
}

func (w *watchOne) look(ctx context.Context, s *sockets.Socket, n *events.Notice) error {
	o, err := w.rights.read(ctx, s, w.id)
	if err != nil {
		return err
	}
	return w.end(ctx, s, o, n)
}

// end tells the end, if there is one that was not told.
func (w *watchOne) end(ctx context.Context, s *sockets.Socket, o Operation, n *events.Notice) error {
	if w.ended || o.Status.Active() {
		return nil
	}
	w.ended = true
	return sendEnd(ctx, s, o, n)
}
