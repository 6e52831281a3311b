package audit

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// Register adds the log's route.
func Register(api huma.API, l *Log) {
	web.Register(api, huma.Operation{
		OperationID: "list-audit-log", Method: http.MethodGet, Path: "/api/v2/audit-log", Tags: []string{"audit log"},
		Summary: "Read the audit log",
		Description: "One's own entries, newest first; a superuser's answer has everybody's. " +
			"An API key needs the scope admin, and reads its owner's.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusUnprocessableEntity},
	}, l.handleList)
}

type listRequest struct {
	Actor      string  `query:"actor" doc:"Only what this user did, by name."`
	APIKeyID   string  `query:"api_key_id" doc:"Only what this API key did."`
	Action     string  `query:"action" doc:"Only this action, such as collection.delete."`
	ObjectType string  `query:"object_type" doc:"Only what happened to objects of this kind."`
	ObjectID   string  `query:"object_id" doc:"Only what happened to this object."`
	Since      instant `query:"since" doc:"Only from this instant on."`
	Until      instant `query:"until" doc:"Only before this instant."`
	PageSize   int     `query:"page_size" minimum:"1" maximum:"1000" default:"50" doc:"How many on a page."`
	After      string  `query:"after" maxLength:"1024" doc:"The member next of the answer before."`
}

type pageAnswer struct{ Body pageBody }

func (l *Log) handleList(ctx context.Context, in *listRequest) (*pageAnswer, error) {
	q := Query{
		Actor: in.Actor, Action: in.Action, ObjectType: in.ObjectType, ObjectID: in.ObjectID,
		Since: in.Since.pointer(), Until: in.Until.pointer(), PageSize: in.PageSize,
	}
	if in.APIKeyID != "" {
		id, err := web.ParseUUID(in.APIKeyID)
		if err != nil {
			return nil, errBadAPIKeyID.WithCause(err)
		}
		q.APIKeyID = &id
	}
	if in.After != "" {
		q.After = &Key{}
		if err := web.DecodeCursor(in.After, q.After); err != nil {
			return nil, err
		}
	}
	page, err := l.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return &pageAnswer{newPageBody(page)}, nil
}
