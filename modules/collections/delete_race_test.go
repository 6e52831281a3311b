package collections_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/testworld"
)

// The last statement of a load, and the first of a deletion.
const (
	countersOfALoad = "set document_count = document_count + $2"
	lockOfADeletion = "for no key update"
)

func reached(t *testing.T, p *testworld.Pause) {
	t.Helper()
	select {
	case <-p.Reached():
	case <-time.After(30 * time.Second):
		require.FailNow(t, "waited in vain for the statement that should be held back")
	}
}

// waits is the moment in which a statement of another connection waits for a lock.
func waits(w *testworld.World, statement string) {
	w.Await("it waits for a lock", func() bool {
		return w.Int(`
select count(*)
from pg_stat_activity
where datname = current_database()
  and wait_event_type = 'Lock'
  and position($1 in query) > 0
  and pid <> pg_backend_pid()`, statement) > 0
	})
}

// uploadOf is an upload of one file.
func uploadOf(path, content string) documents.Upload {
	return documents.Upload{Next: testworld.Sequence(testworld.File{Path: path, Content: content})}
}

// purged waits for the end of a purge.
func purged(t *testing.T, w *testworld.World, id uuid.UUID) {
	t.Helper()
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(w.PurgeOf(id)).Status)
	require.Empty(t, w.Left(id))
}

// The worker has loaded a document's chunks and is about to commit. The deletion
// does not wait for it.
func TestDelete_WhileTheWorkerLoadsADocumentNothingIsLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "The walrus sleeps."})
	pause := w.Trace.PauseAt(countersOfALoad)
	t.Cleanup(pause.Resume)
	require.NoError(t, w.Worker.Start(t.Context()))
	reached(t, pause)
	w.Delete(c)
	require.Equal(t, operations.StatusCancelled, w.Operation(*operation).Status)
	pause.Resume()
	purged(t, w, c.ID)
	require.Equal(t, operations.StatusCancelled, w.Operation(*operation).Status)
	require.Zero(t, w.Int(`select chunk_count from collections where id = $1`, c.ID), "its last step left nothing")
}

func TestDelete_WhileAnUploadComesInTheUploadFindsNoCollection(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt(countersOfALoad)
	t.Cleanup(pause.Resume)
	uploaded := make(chan error, 1)
	go func() {
		_, _, err := w.Documents.Upload(w.As(w.Root), c.ID, uploadOf("a.txt", "The walrus sleeps."))
		uploaded <- err
	}()
	reached(t, pause) // the document and its content are written, and not committed
	w.Delete(c)
	pause.Resume()
	require.ErrorIs(t, <-uploaded, collections.ErrNotFound)
	purged(t, w, c.ID)
}

// The upload has the collection's lock and has started an operation, which nobody
// else sees before it commits. The deletion waits, and must see it then.
func TestDelete_AfterAnUploadThatItWaitedForCancelsWhatThatStarted(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	pause := w.Trace.PauseAt("commit")
	t.Cleanup(pause.Resume)
	var operation *uuid.UUID
	uploaded := make(chan error, 1)
	go func() {
		var err error
		_, operation, err = w.Documents.Upload(w.As(w.Root), c.ID, uploadOf("a.txt", "The walrus sleeps."))
		uploaded <- err
	}()
	reached(t, pause)
	deleted := make(chan error, 1)
	go func() { deleted <- w.Collections.Delete(w.As(w.Root), c.ID) }()
	waits(w, lockOfADeletion)
	pause.Resume()
	require.NoError(t, <-uploaded)
	require.NoError(t, <-deleted)
	require.Equal(t, operations.StatusCancelled, w.Operation(*operation).Status)
	require.NotEmpty(t, w.Left(c.ID), "what was uploaded is there")
	require.NoError(t, w.Worker.Start(t.Context()))
	purged(t, w, c.ID)
}

// Chunks that come in from outside, by two loaders at once.
func TestDelete_WhileTwoLoadersAreAtItBothRollBack(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	loaded, purgedNow := make(chan struct{}, 2), make(chan struct{})
	results := make(chan error, 2)
	for i := range 2 {
		go func() {
			results <- w.DB.InTx(t.Context(), func(ctx context.Context) error {
				n, err := chunks.NewRepository(w.DB).CreateChunksBulk(ctx, chunks.Batch{Scope: scope, Rows: func(yield func(chunks.NewChunk) bool) {
					for j := range 100 {
						if !yield(chunks.NewChunk{ChunkIndex: 1000*i + j, Content: "late"}) {
							return
						}
					}
				}})
				if err != nil {
					return err
				}
				loaded <- struct{}{}
				<-purgedNow
				return collections.NewRepository(w.DB).AddCounts(ctx, scope, collections.Counts{Chunks: n})
			})
		}()
	}
	<-loaded
	<-loaded
	// The purge sees nothing of what they have loaded, and comes to its end.
	require.Equal(t, operations.StatusCompleted, w.AwaitOperation(w.Delete(c)).Status)
	close(purgedNow)
	require.ErrorIs(t, <-results, collections.ErrNotFound)
	require.ErrorIs(t, <-results, collections.ErrNotFound)
	require.Empty(t, w.Left(c.ID))
}

func TestDelete_OfManyAtOnceOneDeletes(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	won := 0
	for _, err := range w.Race(6, func(int) error { return w.Collections.Delete(w.As(w.Root), c.ID) }) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, collections.ErrNotFound)
	}
	require.Equal(t, 1, won)
	require.EqualValues(t, 1, w.Int(`select count(*) from operations where type = 'delete'`))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.delete'`))
}

// Whoever wants the name while the deletion is under way waits for its end, and
// has it.
func TestDelete_TheNameGoesToWhoeverWaitsForIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root, testworld.Named("Notes"))
	pause := w.Trace.PauseAt("insert into audit_log")
	t.Cleanup(pause.Resume)
	deleted, created := make(chan error, 1), make(chan error, 1)
	go func() { deleted <- w.Collections.Delete(w.As(w.Root), c.ID) }()
	reached(t, pause)
	go func() {
		_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: "Notes"})
		created <- err
	}()
	waits(w, `INSERT INTO "collections"`)
	pause.Resume()
	require.NoError(t, <-deleted)
	require.NoError(t, <-created)
}

func TestDelete_OfManyWhoWantTheNameAtMostOneHasIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	for round := range 5 {
		name := fmt.Sprintf("Notes %d", round)
		c := w.Collection(w.Root, testworld.Named(name))
		errs := w.Race(5, func(i int) error {
			if i == 0 {
				return w.Collections.Delete(w.As(w.Root), c.ID)
			}
			_, err := w.Collections.Create(w.As(w.Root), collections.CreateInput{Name: name})
			return err
		})
		require.NoError(t, errs[0])
		for _, err := range errs[1:] {
			if err != nil {
				require.ErrorIs(t, err, collections.ErrNameTaken)
			}
		}
		require.LessOrEqual(t, w.Int(`select count(*) from collections where name = $1 and deleted_at is null`, name), int64(1))
	}
}

// Everything that can be done with a collection, at the moment it is deleted: it
// is done before, and gone with it, or it finds no collection.
func TestDelete_AgainstEverythingElseAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.User("bob")
	for range 4 {
		c := w.Collection(w.Root, testworld.ChunkSize(100))
		w.AddDocuments(c, testworld.File{Path: "a.txt", Content: strings.Repeat("The walrus sleeps. ", 50)})
		ctx := w.As(w.Root)
		things := map[string]func() error{
			"delete": func() error { return w.Collections.Delete(ctx, c.ID) },
			"share": func() error {
				_, err := w.Collections.Share(ctx, c.ID, withUser("bob", "read"))
				return err
			},
			"rename": func() error {
				_, err := w.Collections.Update(ctx, c.ID, collections.UpdateInput{Name: new("Renamed " + c.ID.String())})
				return err
			},
			"upload": func() error {
				_, _, err := w.Documents.Upload(ctx, c.ID, documents.Upload{Next: testworld.Sequence(
					testworld.File{Path: "b.txt", Content: "The heron stands."}, testworld.File{Path: "a.txt", Content: "New."})})
				return err
			},
			"upload again": func() error {
				_, _, err := w.Documents.Upload(ctx, c.ID, documents.Upload{Next: testworld.Sequence(
					testworld.File{Path: "c.txt", Content: "The heron stands."}, testworld.File{Path: "d.txt", Content: "Other."})})
				return err
			},
			"search": func() error {
				found, err := w.Chunks.Search(ctx, chunks.SearchQuery{CollectionIDs: []uuid.UUID{c.ID}, Query: "walrus heron", K: 10})
				if err == nil && len(found.Hits) == 0 {
					return errors.New("a search found nothing")
				}
				return err
			},
			"operations": func() error {
				_, _, err := w.Operations.ListOf(ctx, c.ID, operations.ListQuery{})
				return err
			},
		}
		var names []string
		for name := range things {
			names = append(names, name)
		}
		for i, err := range w.Race(len(names), func(i int) error { return things[names[i]]() }) {
			if names[i] == "delete" {
				require.NoError(t, err)
			}
			if err != nil {
				require.ErrorIs(t, err, collections.ErrNotFound, names[i])
			}
		}
		purged(t, w, c.ID)
	}
}
