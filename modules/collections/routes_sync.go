package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"semantik/platform/database"
	"semantik/platform/web"
)

// registerSync adds the routes about looking through all sources of a collection again.
func registerSync(api huma.API, r routes) {
	const path = "/api/v2/collections/{collection_id}/sync"
	tags := []string{"sources"}
	web.Register(api, huma.Operation{
		OperationID: "run-sync", Method: http.MethodPost, Path: path + "/run", Tags: tags,
		Summary:     "Look through all sources of a collection now",
		Description: "What is new is added, what has changed replaced, what has moved keeps its chunks, and what is gone is deleted. Files that have not changed are not read.",
		Security:    web.Bearer(), DefaultStatus: http.StatusAccepted,
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, r.runSync)
	web.Register(api, huma.Operation{
		OperationID: "pause-sync", Method: http.MethodPost, Path: path + "/pause", Tags: tags,
		Summary: "Keep a collection from being synchronised by itself", Security: web.Bearer(),
		Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, r.pauseSync)
	web.Register(api, huma.Operation{
		OperationID: "resume-sync", Method: http.MethodPost, Path: path + "/resume", Tags: tags,
		Summary: "Have a collection synchronised by itself again", Description: "It is due at once. One that was not paused stays as it is.",
		Security: web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound},
	}, r.resumeSync)
	web.Register(api, huma.Operation{
		OperationID: "list-sync-runs", Method: http.MethodGet, Path: path + "/runs", Tags: tags,
		Summary: "List the runs over a collection's sources", Description: "Newest first.", Security: web.Bearer(),
		Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, r.listSyncRuns)
}

type syncRequest struct {
	CollectionID web.UUID `path:"collection_id"`
}

type syncRunAnswer struct{ Body syncRunBody }

func (r routes) runSync(ctx context.Context, in *syncRequest) (*syncRunAnswer, error) {
	run, err := r.service.SyncNow(ctx, in.CollectionID.UUID)
	if err != nil {
		return nil, err
	}
	return &syncRunAnswer{newSyncRunBody(run)}, nil
}

func (r routes) pauseSync(ctx context.Context, in *syncRequest) (*collectionAnswer, error) {
	return r.changeSync(ctx, in, r.service.PauseSync)
}

func (r routes) resumeSync(ctx context.Context, in *syncRequest) (*collectionAnswer, error) {
	return r.changeSync(ctx, in, r.service.ResumeSync)
}

func (r routes) changeSync(ctx context.Context, in *syncRequest, change func(ctx context.Context, id uuid.UUID) (Collection, error)) (*collectionAnswer, error) {
	c, err := change(ctx, in.CollectionID.UUID)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, c)
}

type listSyncRunsRequest struct {
	web.Window
	CollectionID web.UUID `path:"collection_id"`
}

type syncRunListAnswer struct{ Body web.Items[syncRunBody] }

func (r routes) listSyncRuns(ctx context.Context, in *listSyncRunsRequest) (*syncRunListAnswer, error) {
	found, total, err := r.service.SyncRuns(ctx, in.CollectionID.UUID, database.Page{Offset: in.Offset, Limit: in.Limit})
	if err != nil {
		return nil, err
	}
	items := make([]syncRunBody, len(found))
	for i, run := range found {
		items[i] = newSyncRunBody(run)
	}
	return &syncRunListAnswer{web.NewItems(items, total, in.Window)}, nil
}

// syncRunBody is a run over a collection's sources on the wire.
type syncRunBody struct {
	ID               int64     `json:"id"`
	CollectionID     web.UUID  `json:"collection_id"`
	TriggeredBy      string    `json:"triggered_by" enum:"scheduler,manual"`
	StartedAt        web.Time  `json:"started_at"`
	CompletedAt      *web.Time `json:"completed_at"`
	Status           string    `json:"status" enum:"running,success,failed,partial"`
	ExpectedSources  int       `json:"expected_sources"`
	CompletedSources int       `json:"completed_sources"`
	FailedSources    int       `json:"failed_sources"`
	PartialSources   int       `json:"partial_sources"`
	ErrorSummary     *string   `json:"error_summary"`
}

func newSyncRunBody(r SyncRun) syncRunBody {
	return syncRunBody{
		ID: r.ID, CollectionID: web.NewUUID(r.CollectionID), TriggeredBy: r.TriggeredBy, StartedAt: web.NewTime(r.StartedAt),
		CompletedAt: web.NewTimePointer(r.CompletedAt), Status: r.Status, ExpectedSources: r.ExpectedSources,
		CompletedSources: r.CompletedSources, FailedSources: r.FailedSources, PartialSources: r.PartialSources, ErrorSummary: r.ErrorSummary,
	}
}
