package operations

import (
	"encoding/json"
	"time"

	"semantik/platform/web"
)

// operationBody is an operation on the wire.
type operationBody struct {
	ID             web.UUID        `json:"id"`
	CollectionID   web.UUID        `json:"collection_id"`
	Type           Type            `json:"type"`
	Status         Status          `json:"status" enum:"pending,processing,completed,failed,cancelled"`
	Config         json.RawMessage `json:"config"`
	ErrorMessage   *string         `json:"error_message"`
	CreatedAt      web.Time        `json:"created_at"`
	StartedAt      *web.Time       `json:"started_at"`
	CompletedAt    *web.Time       `json:"completed_at"`
	Progress       *float64        `json:"progress,omitempty" minimum:"0" maximum:"100" doc:"Absent while nothing is known."`
	ProgressDetail *progressBody   `json:"progress_detail,omitempty"`
	Result         map[string]any  `json:"result" nullable:"true" doc:"What came of it; null until it has completed."`
}

type progressBody struct {
	Done             int64            `json:"done"`
	Failed           int64            `json:"failed"`
	Skipped          int64            `json:"skipped" doc:"Documents that were left as they are."`
	Total            int64            `json:"total" doc:"0 while nobody knows: a source is still being listed, say."`
	Chunks           int64            `json:"chunks"`
	Message          string           `json:"message"`
	PerSecond        *float64         `json:"per_second,omitempty" doc:"Documents a second since the operation was begun; absent while nothing is known."`
	RemainingSeconds *float64         `json:"remaining_seconds,omitempty" doc:"About how long the rest takes at that."`
	Counts           map[string]int64 `json:"counts,omitempty" doc:"What else was counted: the files of sources that were looked through, say."`
}

func newOperationBody(o Operation) operationBody {
	body := operationBody{
		ID: web.NewUUID(o.UUID), CollectionID: web.NewUUID(o.CollectionID), Type: o.Type, Status: o.Status, Config: o.Config,
		ErrorMessage: o.ErrorMessage, CreatedAt: web.NewTime(o.CreatedAt), StartedAt: web.NewTimePointer(o.StartedAt),
		CompletedAt: web.NewTimePointer(o.CompletedAt), Result: o.Meta.Result,
	}
	if percent, known := o.Percent(); known {
		body.Progress = &percent
	}
	if p := o.Meta.Progress; p != nil {
		body.ProgressDetail = &progressBody{Done: p.Done, Failed: p.Failed, Skipped: p.Skipped, Total: p.Total, Chunks: p.Chunks, Message: p.Message, Counts: p.Counts}
		if perSecond, remaining, known := o.Pace(time.Now()); known {
			seconds := remaining.Seconds()
			body.ProgressDetail.PerSecond, body.ProgressDetail.RemainingSeconds = &perSecond, &seconds
		}
	}
	return body
}

func newOperationBodies(found []Operation) []operationBody {
	bodies := make([]operationBody, len(found))
	for i, o := range found {
		bodies[i] = newOperationBody(o)
	}
	return bodies
}

type operationListBody struct {
	Operations []operationBody `json:"operations"`
	web.PageInfo
}
