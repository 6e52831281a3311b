package operations

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/events"
	"semantik/platform/sockets"
	"semantik/platform/web"
)

// rightLasts is how long the answer to whether somebody may read an operation may
// be relied on.
const rightLasts = time.Second

// rights remember for one socket which operations its user may read.
type rights struct {
	service *Service
	asked   map[uuid.UUID]right
}

type right struct {
	at  time.Time
	err error
}

// rememberedRights bounds how many are remembered.
const rememberedRights = 100

func newRights(s *Service) *rights { return &rights{service: s, asked: map[uuid.UUID]right{}} }

// check returns nil when the socket's user may read the operation, by a look that
// is a second old at the most.
func (r *rights) check(ctx context.Context, s *sockets.Socket, id uuid.UUID) error {
	ctx, err := s.Who(ctx)
	if err != nil {
		return err
	}
	if known, ok := r.asked[id]; ok && time.Since(known.at) < rightLasts {
		return known.err
	}
	if len(r.asked) >= rememberedRights {
		clear(r.asked)
	}
	now := time.Now()
	err = r.service.Authorize(ctx, id)
	r.asked[id] = right{at: now, err: err}
	return err
}

// read reads the operation as the socket's user, by a look that is not older than
// the call.
func (r *rights) read(ctx context.Context, s *sockets.Socket, id uuid.UUID) (Operation, error) {
	ctx, err := s.Who(ctx)
	if err != nil {
		return Operation{}, err
	}
	return r.service.Get(ctx, id)
}

// passes reports whether an error is one of the moment, for a look that will be
// taken again.
func passes(err error) bool { return apperr.KindOf(err) == apperr.Unavailable }

// aboutOperation is what a notice says about which operation it is of.
func aboutOperation(data json.RawMessage) (uuid.UUID, bool) {
	var about struct {
		OperationID uuid.UUID `json:"operation_id"`
	}
	err := json.Unmarshal(data, &about)
	return about.OperationID, err == nil && about.OperationID != uuid.Nil
}

// sendState sends what a socket of one operation begins with.
func sendState(ctx context.Context, s *sockets.Socket, o Operation) error {
	return s.Send(ctx, eventState, time.Now(), map[string]any{
		"status": o.Status, "operation_type": o.Type, "created_at": web.NewTime(o.CreatedAt),
		"started_at": web.NewTimePointer(o.StartedAt), "completed_at": web.NewTimePointer(o.CompletedAt),
		"error_message": o.ErrorMessage,
	})
}

// sendEnd sends the terminal event of an operation that has ended, as its row
// tells. n is what rang, if something did: its time is not before that of what was
// told in the same transaction.
func sendEnd(ctx context.Context, s *sockets.Socket, o Operation, n *events.Notice) error {
	data := map[string]any{"status": o.Status}
	switch o.Status {
	case StatusCompleted:
		result := o.Meta.Result
		if result == nil {
			result = map[string]any{}
		}
		data["result"], data["progress"] = result, 100
	case StatusFailed:
		data["error_message"] = o.ErrorMessage
	case StatusCancelled:
		if o.Meta.Result != nil {
			data["result"] = o.Meta.Result
		}
	case StatusPending, StatusProcessing:
	}
	at := time.Now()
	switch {
	case n != nil:
		at = n.At
	case o.CompletedAt != nil:
		at = *o.CompletedAt
	}
	return s.Send(ctx, eventEnds[o.Status], at, o.eventData(data))
}
