package collections_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

func TestEstate_IsTransferredWithAllThatIsInIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoRetry(), testworld.NoWorker())
	alice, bob, carol := w.User("alice"), w.User("bob"), w.User("carol")
	shared, second, gone := w.Collection(alice), w.Collection(alice), w.Collection(alice)
	theirs := w.Collection(carol)
	w.Upload(alice, second, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	w.Grant(shared, bob, collections.Write)
	w.Grant(shared, carol, collections.Read)
	w.Grant(theirs, bob, collections.Read)
	purge := w.Delete(gone)

	changed := w.FailEach(func() error {
		return w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"})
	})
	require.Subset(t, changed, []string{"public.audit_log", "public.collection_permissions", "public.collections", "public.operations", "public.users"})
	require.Equal(t, bob.ID, w.Read(shared.ID).OwnerID)
	require.Equal(t, bob.ID, w.Read(second.ID).OwnerID)
	require.Equal(t, second.Name, w.Read(second.ID).Name)
	require.EqualValues(t, 2, w.Int(`
select count(*)
from audit_log
where action = 'collection.transfer'
  and actor = 'root'
  and details @> jsonb_build_object('from', $1::bigint, 'to', $2::bigint)`, alice.ID, bob.ID))
	grants, total, err := w.Collections.Grants(w.As(bob), shared.ID, database.Page{Limit: 10})
	require.NoError(t, err)
	require.EqualValues(t, 1, total, "what was shared with bob is his")
	require.Equal(t, "carol", grants[0].Username)
	_, err = w.Collections.Get(w.As(bob), theirs.ID)
	require.NoError(t, err, "what is shared with bob by others stays so")

	require.EqualValues(t, 1, w.Int(`select count(*) from collections where id = $1 and owner_id is null`, gone.ID), "a tombstone keeps nobody")
	require.Equal(t, operations.StatusPending, w.Operation(purge).Status)
	require.Nil(t, w.Operation(purge).UserID)
	require.NoError(t, w.Worker.Start(t.Context()))
	purged(t, w, gone.ID)
	w.AwaitQuiet()
	require.EqualValues(t, 1, w.Read(second.ID).ChunkCount, "what alice had begun goes on")
}

func TestEstate_IsDeletedAsItsOwnerWould(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoRetry(), testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	first, second, theirs := w.Collection(alice, testworld.Public()), w.Collection(alice), w.Collection(bob)
	_, active := w.Upload(alice, second, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	w.Upload(bob, theirs, testworld.File{Path: "a.txt", Content: "The heron stands."})
	w.Grant(first, bob, collections.Admin)

	changed := w.FailEach(func() error {
		return w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{DeleteCollections: true})
	})
	require.Subset(t, changed, []string{"public.audit_log", "public.collections", "public.operations", "public.users", "river.river_job"})
	require.EqualValues(t, 2, w.Int(`select count(*) from collections where owner_id is null and deleted_at is not null`))
	require.EqualValues(t, 2, w.Int(`
select count(*) from audit_log where action = 'collection.delete' and actor = 'root' and details @> jsonb_build_object('owner_id', $1::bigint)`, alice.ID))
	require.Equal(t, operations.StatusCancelled, w.Operation(*active).Status)
	_, err := w.Collections.Get(w.As(bob), first.ID)
	require.ErrorIs(t, err, collections.ErrNotFound)
	o, err := w.Operations.Get(w.As(w.Root), w.PurgeOf(first.ID))
	require.NoError(t, err, "who has deleted them can see how far that is")
	require.Equal(t, w.Root.ID, *o.UserID)
	_, err = w.Operations.Get(w.As(bob), o.UUID)
	require.ErrorIs(t, err, operations.ErrNotFound)
	require.NoError(t, w.Worker.Start(t.Context()))
	purged(t, w, first.ID)
	purged(t, w, second.ID)
	require.Equal(t, bob.ID, w.Read(theirs.ID).OwnerID)
}

// More than are in memory at a time.
func TestEstate_OfManyCollections(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	w.Exec(`
insert into collections (name, owner_id, vector_store_name, status)
select 'Collection ' || i, $1, 'col_' || i, 'ready' from generate_series(1, 1003) i`, alice.ID)
	require.NoError(t, w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"}))
	require.EqualValues(t, 1003, w.Int(`select count(*) from collections where owner_id = $1`, bob.ID))
	require.EqualValues(t, 1003, w.Int(`select count(*) from audit_log where action = 'collection.transfer'`))
	require.NoError(t, w.Users.Delete(w.As(w.Root), bob.ID, users.DeleteInput{DeleteCollections: true}))
	require.EqualValues(t, 1003, w.Int(`select count(*) from operations where type = 'delete'`))
	require.Zero(t, w.Int(`select count(*) from collections where deleted_at is null or owner_id is not null`))
}

func TestEstate_OverHTTP(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	w.User("bob")
	c := w.Collection(alice)
	url := fmt.Sprintf("/api/v2/users/%d", alice.ID)
	w.HTTP(t,
		testworld.Scenario{Name: "what becomes of them must be said", As: &w.Root, Method: http.MethodDelete, URL: url, Status: http.StatusConflict, Has: []string{"user_owns_collections"}},
		testworld.Scenario{Name: "transferred", As: &w.Root, Method: http.MethodDelete, URL: url + "?transfer_to=bob", Status: http.StatusNoContent},
		testworld.Scenario{Name: "the collection is there", As: &w.Root, Method: http.MethodGet, URL: "/api/v2/collections/" + c.ID.String(), Status: http.StatusOK},
	)
}

// A collection that a user makes while they are deleted: whichever comes second
// fails, and nothing is without an owner.
func TestEstate_OfAUserWhoMakesACollectionMeanwhile(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ways := map[string]users.DeleteInput{"transferred": {TransferTo: "bob"}, "deleted": {DeleteCollections: true}, "there are none": {}}
	w.User("bob")
	for name, in := range ways {
		t.Run(name+", made before the account goes", func(t *testing.T) {
			w := w.In(t)
			alice := w.User("alice_" + strings.ReplaceAll(name, " ", "_"))
			if name != "there are none" {
				w.Collection(alice)
			}
			pause := w.Trace.PauseAt(`DELETE FROM "users"`)
			t.Cleanup(pause.Resume)
			deleted := make(chan error, 1)
			go func() { deleted <- w.Users.Delete(w.As(w.Root), alice.ID, in) }()
			reached(t, pause)
			made, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: "Made by " + alice.Username})
			require.NoError(t, err)
			pause.Resume()
			err = <-deleted
			require.Equal(t, apperr.Conflict, apperr.KindOf(err), "%v", err)
			require.Equal(t, alice.ID, w.Read(made.ID).OwnerID)
		})
		t.Run(name+", made after the account went", func(t *testing.T) {
			w := w.In(t)
			alice := w.User("late_" + strings.ReplaceAll(name, " ", "_"))
			if name != "there are none" {
				w.Collection(alice)
			}
			pause := w.Trace.PauseAt("commit")
			t.Cleanup(pause.Resume)
			deleted := make(chan error, 1)
			go func() { deleted <- w.Users.Delete(w.As(w.Root), alice.ID, in) }()
			reached(t, pause)
			made := make(chan error, 1)
			go func() {
				_, err := w.Collections.Create(w.As(alice), collections.CreateInput{Name: "Made by " + alice.Username})
				made <- err
			}()
			waits(w, `INSERT INTO "collections"`)
			pause.Resume()
			require.NoError(t, <-deleted)
			require.Equal(t, "collection_owner", apperr.CodeOf(<-made))
		})
	}
}

// The owner deletes a collection, others use it, and the owner is deleted with all
// that is theirs, at once.
func TestEstate_AgainstEverythingElseAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.User("heir")
	for round := range 4 {
		alice := w.User(fmt.Sprintf("alice_%d", round))
		mine := []collections.Collection{w.Collection(alice), w.Collection(alice), w.Collection(alice)}
		in := users.DeleteInput{DeleteCollections: true}
		if round%2 == 0 {
			in = users.DeleteInput{TransferTo: "heir"}
		}
		errs := w.Race(6, func(i int) error {
			switch i {
			case 0, 1:
				return w.Users.Delete(w.As(w.Root), alice.ID, in)
			case 2:
				return w.Collections.Delete(w.As(alice), mine[0].ID)
			case 3:
				_, err := w.Collections.Update(w.As(alice), mine[1].ID, collections.UpdateInput{Name: new(fmt.Sprintf("Renamed %d", round))})
				return err
			case 4:
				_, _, err := w.Documents.Upload(w.As(w.Root), mine[2].ID, uploadOf("a.txt", "The walrus sleeps."))
				return err
			default:
				return w.Collections.Delete(w.As(w.Root), mine[1].ID)
			}
		})
		won := 0
		for i, err := range errs[:2] {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, users.ErrNotFound, "deletion %d of the user", i)
		}
		require.Equal(t, 1, won)
		for i, err := range errs[2:] {
			if err != nil {
				require.Equal(t, apperr.NotFound, apperr.KindOf(err), "%d: %v", i+2, err)
			}
		}
		require.Zero(t, w.Int(`select count(*) from collections where owner_id = $1`, alice.ID))
		w.AwaitQuiet()
		w.CheckRules()
	}
}

func TestSuite_EstatesUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice, bob := w.User("alice"), w.User("bob")
		for range 3 {
			w.Collection(alice)
		}
		require.NoError(t, w.Users.Delete(w.As(w.Root), alice.ID, users.DeleteInput{TransferTo: "bob"}))
		require.EqualValues(t, 3, w.Int(`select count(*) from collections where owner_id = $1`, bob.ID))
		require.NoError(t, w.Users.Delete(auth.WithIdentity(t.Context(), auth.Operator()), bob.ID, users.DeleteInput{DeleteCollections: true}))
		require.EqualValues(t, 3, w.Int(`select count(*) from operations where type = 'delete' and user_id is null`))
		require.EqualValues(t, 3, w.Int(`select count(*) from audit_log where action = 'collection.delete'`), "one for each, however often it was tried")
	}, testworld.NoWorker())
}
