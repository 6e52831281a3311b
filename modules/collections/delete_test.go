package collections_test

import (
	"net/http"
	"strconv"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestDelete_MarksCancelsStartsThePurgeAndTellsInOneTransaction(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	c := w.Collection(alice)
	_, active := w.Upload(alice, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	changed := w.FailEach(func() error { return w.Collections.Delete(w.As(alice), c.ID) })
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.operations", "river.river_job"}, changed)

	require.Equal(t, operations.StatusCancelled, w.Operation(*active).Status)
	purge := w.Operation(w.PurgeOf(c.ID))
	require.Equal(t, operations.TypeDelete, purge.Type)
	require.Equal(t, operations.StatusPending, purge.Status)
	require.Equal(t, alice.ID, *purge.UserID)
	require.EqualValues(t, 1, w.Int(`select count(*) from river.river_job where id = $1 and queue = 'background'`, *purge.TaskID))
	require.EqualValues(t, 1, w.Int(`
select count(*)
from audit_log
where action = 'collection.delete'
  and object_id = $1
  and actor = 'alice'
  and details ->> 'name' = $2
  and details ->> 'document_count' = '1'
  and details ->> 'operation_id' = $3
  and details ->> 'cancelled_operation_id' = $4`, c.ID.String(), c.Name, purge.UUID.String(), active.String()))
}

func TestDelete_WhoMayNotChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob, carol, dave := w.User("alice"), w.User("bob"), w.User("carol"), w.User("dave")
	c := w.Collection(alice, testworld.Public())
	w.Grant(c, carol, collections.Write)
	hidden := w.Collection(alice)
	before := w.Snapshot()
	require.ErrorIs(t, w.Collections.Delete(t.Context(), c.ID), auth.ErrUnauthenticated)
	require.ErrorIs(t, w.Collections.Delete(w.As(bob), c.ID), collections.ErrForbidden, "who may read it")
	require.ErrorIs(t, w.Collections.Delete(w.As(carol), c.ID), collections.ErrForbidden, "who may write")
	require.ErrorIs(t, w.Collections.Delete(w.As(bob), hidden.ID), collections.ErrNotFound, "who may not even read it")
	require.ErrorIs(t, w.Collections.Delete(w.As(w.Root), uuid.New()), collections.ErrNotFound)
	require.Empty(t, before.Changed(w.Snapshot()))

	w.Grant(c, dave, collections.Admin)
	require.NoError(t, w.Collections.Delete(w.As(dave), c.ID), "who may administer")
	require.NoError(t, w.Collections.Delete(w.As(w.Root), w.Collection(alice).ID), "a superuser")
	operator := auth.WithIdentity(t.Context(), auth.Operator())
	require.NoError(t, w.Collections.Delete(operator, w.Collection(alice).ID), "the operator, who has no account")
	require.EqualValues(t, 1, w.Int(`select count(*) from operations where type = 'delete' and user_id is null`))
}

func TestDelete_NoReadSeesTheCollectionFromThenOn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice, bob, carol := w.User("alice"), w.User("bob"), w.User("carol")
	c := w.Collection(alice, testworld.Public())
	w.Grant(c, carol, collections.Admin)
	d := w.AddDocuments(c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})[0]
	chunk := w.Int(`select id from chunks where collection_id = $1`, c.ID)
	appended := testworld.Value[uuid.UUID](w, `select uuid from operations where collection_id = $1 and type = 'append'`, c.ID)
	w.AwaitQuiet()
	// The purge is held back: it is the mark that hides, not that the rows are gone.
	pause := w.Trace.PauseAt("delete from chunks")
	t.Cleanup(pause.Resume)
	w.Delete(c)

	base := "/api/v2/collections/" + c.ID.String()
	chunksOf := "/api/v2/chunking/collections/" + c.ID.String() + "/chunks"
	for as, who := range map[string]*users.User{"owner": &alice, "superuser": &w.Root, "admin": &carol, "reader of a public one": &bob} {
		t.Run(as, func(t *testing.T) {
			w := w.In(t)
			for _, url := range []string{
				base, base + "/documents", base + "/documents/" + d.ID.String(), base + "/operations",
				chunksOf, chunksOf + "/" + strconv.FormatInt(chunk, 10),
			} {
				w.Request(testworld.Scenario{As: who, Method: http.MethodGet, URL: url, Status: http.StatusNotFound, HasNot: []string{"walrus"}})
			}
			w.Request(testworld.Scenario{As: who, Method: http.MethodPost, URL: "/api/v2/search", Status: http.StatusNotFound,
				Body: map[string]any{"collection_uuids": []string{c.ID.String()}, "query": "walrus"}, HasNot: []string{"sleeps"}})
			w.Request(testworld.Scenario{As: who, Method: http.MethodPost, URL: base + "/documents", Status: http.StatusNotFound,
				Body: testworld.Form{Files: []testworld.File{{Path: "b.txt", Content: "b"}}}})
			w.Request(testworld.Scenario{As: who, Method: http.MethodDelete, URL: base, Status: http.StatusNotFound})
			w.Request(testworld.Scenario{As: who, Method: http.MethodGet, URL: "/api/v2/collections", Status: http.StatusOK, Has: []string{`"total":0`}})
		})
	}
	require.Equal(t, operations.StatusCompleted, w.Operation(appended).Status, "what had ended stays as it ended")
	require.NotEmpty(t, w.Left(c.ID))
	pause.Resume()
	w.AwaitOperation(w.PurgeOf(c.ID))
	require.Empty(t, w.Left(c.ID))
}

func TestDelete_TheNameIsFreeAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	old := w.Collection(alice, testworld.Named("Notes"))
	w.Delete(old)
	fresh, err := w.Collections.Create(w.As(bob), collections.CreateInput{Name: "Notes"})
	require.NoError(t, err)
	require.NotEqual(t, old.ID, fresh.ID)
	w.Delete(fresh.Collection)
	again, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: "Notes"})
	require.NoError(t, err)
	list, total, err := w.Collections.List(w.As(alice), collections.ListQuery{Page: database.Page{Limit: 10}})
	require.NoError(t, err)
	require.EqualValues(t, 1, total)
	require.Equal(t, again.ID, list[0].ID)
}
