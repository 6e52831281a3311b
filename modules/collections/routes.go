package collections

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"semantik/platform/database"
	"semantik/platform/idempotency"
	"semantik/platform/web"
)

// FailureCounter tells how many of a collection's documents have failed; the
// module of documents implements it.
type FailureCounter interface {
	// CountFailedIn counts for all the collections at once; one without a failed
	// document is absent.
	CountFailedIn(ctx context.Context, collections []Collection) (map[uuid.UUID]int64, error)
}

// routes are the module's handlers.
type routes struct {
	service  *Service
	failures FailureCounter
}

// Register adds the module's routes.
func Register(api huma.API, s *Service, failures FailureCounter) {
	r := routes{s, failures}
	tags := []string{"collections"}
	web.Register(api, huma.Operation{
		OperationID: "create-collection", Method: http.MethodPost, Path: "/api/v2/collections", Tags: tags,
		Summary: "Make a collection", Security: web.Bearer(), DefaultStatus: http.StatusCreated,
		Errors: []int{http.StatusBadRequest, http.StatusConflict}, Metadata: web.Limit("create_collection"),
	}, r.create)
	web.Register(api, huma.Operation{
		OperationID: "list-collections", Method: http.MethodGet, Path: "/api/v2/collections", Tags: tags,
		Summary:     "List collections",
		Description: "One's own, those shared with one and, unless left out, the public ones; newest first unless sorted otherwise.",
		Security:    web.Bearer(), Errors: []int{http.StatusBadRequest, http.StatusForbidden},
	}, r.list)
	web.Register(api, huma.Operation{
		OperationID: "get-collection", Method: http.MethodGet, Path: "/api/v2/collections/{collection_id}", Tags: tags,
		Summary: "Read a collection", Security: web.Bearer(), Errors: []int{http.StatusNotFound},
	}, r.get)
	registerUpdate(api, r, tags)
	registerSharing(api, r)
	registerSources(api, r)
	registerSync(api, r)
	registerConnectors(api, r)
	registerEmptyLists(api, s)
	registerDelete(api, r, tags)
}

type createRequest struct {
	idempotency.Header

	Body createBody
}

// createAnswer is [collectionAnswer] for an answer that may be an earlier one.
type createAnswer struct {
	idempotency.Replayed

	ETag string `header:"ETag" doc:"For If-Match, when the collection is to be changed."`
	Body idempotency.Body[collectionBody]
}

type collectionAnswer struct {
	ETag string `header:"ETag" doc:"For If-Match, when the collection is to be changed."`
	Body collectionBody
}

// answer is the collection with the number of its documents that failed.
func (r routes) answer(ctx context.Context, c Collection) (*collectionAnswer, error) {
	failed, err := r.failures.CountFailedIn(ctx, []Collection{c})
	if err != nil {
		return nil, err
	}
	return &collectionAnswer{ETag: web.ETag(c.UpdatedAt), Body: newCollectionBody(c, failed[c.ID])}, nil
}

func (r routes) create(ctx context.Context, in *createRequest) (*createAnswer, error) {
	answer, err := r.service.CreateOnce(ctx, in.Whole(ctx), in.Body.input(), answerCreated)
	if err != nil {
		return nil, err
	}
	out := &createAnswer{ETag: answer.Headers["ETag"], Body: answer.Body}
	out.Tell(answer)
	return out, nil
}

func answerCreated(created Created) (idempotency.Answer, error) {
	body := newCollectionBody(created.Collection, 0)
	operation := web.NewUUID(created.InitialOperationID)
	body.InitialOperationID = &operation
	return idempotency.NewAnswer(http.StatusCreated, body, map[string]string{"ETag": web.ETag(created.UpdatedAt)})
}

type listRequest struct {
	web.Page
	IncludePublic bool   `query:"include_public" default:"true" doc:"Whether public collections of others are listed too."`
	All           bool   `query:"all" doc:"Everybody's collections; for superusers."`
	Text          string `query:"q" doc:"A text that the name or the description has, in whatever case."`
	Status        string `query:"status" doc:"pending, processing, ready, error or degraded."`
	Owner         string `query:"owner" doc:"The name of the user whose they are, in whatever case."`
	Sort          string `query:"sort" doc:"name, created_at, updated_at, document_count, vector_count or total_size_bytes, with a - before it for the other way round; -created_at if absent."`
}

type collectionListAnswer struct{ Body collectionListBody }

func (r routes) list(ctx context.Context, in *listRequest) (*collectionListAnswer, error) {
	found, total, err := r.service.List(ctx, ListQuery{
		IncludePublic: in.IncludePublic, All: in.All, Text: in.Text, Status: in.Status, Owner: in.Owner, Sort: in.Sort,
		Page: database.Page{Offset: in.Offset(), Limit: in.Size()},
	})
	if err != nil {
		return nil, err
	}
	failed, err := r.failures.CountFailedIn(ctx, found)
	if err != nil {
		return nil, err
	}
	body := collectionListBody{Collections: make([]collectionBody, len(found)), PageInfo: in.Info(total)}
	for i, c := range found {
		body.Collections[i] = newCollectionBody(c, failed[c.ID])
	}
	return &collectionListAnswer{body}, nil
}

type getRequest struct {
	CollectionID web.UUID `path:"collection_id"`
}

func (r routes) get(ctx context.Context, in *getRequest) (*collectionAnswer, error) {
	c, err := r.service.Get(ctx, in.CollectionID.UUID)
	if err != nil {
		return nil, err
	}
	return r.answer(ctx, c)
}
