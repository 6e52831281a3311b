package operations_test

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/events"
	"semantik/testworld"
)

func watchOne(w *testworld.World, u users.User, operation uuid.UUID) *testworld.Socket {
	return w.Watch("/ws/operations/"+operation.String(), w.Token(u))
}

func watchOwn(w *testworld.World, u users.User) *testworld.Socket {
	return w.Watch("/ws/operations", w.Token(u))
}

// tell has an event told about an operation, as the worker does.
func tell(t *testing.T, w *testworld.World, o operations.Operation, kind string, data map[string]any) {
	t.Helper()
	all := map[string]any{"operation_id": o.UUID, "collection_id": o.CollectionID}
	maps.Copy(all, data)
	topics := []string{"operation " + o.UUID.String()}
	if o.UserID != nil {
		topics = append(topics, fmt.Sprint("operations of ", *o.UserID))
	}
	require.NoError(t, events.Publish(testworld.Beside(t.Context()), w.DB, events.Event{Topics: topics, Type: kind, Data: all}))
}

func TestSocket_TheWholeLifeOfAnOperationIsSeenInOrderWithOneEnd(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, append(several(12), testworld.File{Path: "empty.txt"})...)
	one, own := watchOne(w, w.Root, *operation), watchOwn(w, w.Root)
	first := one.Next()
	require.Equal(t, "current_state", first.Type)
	require.Equal(t, "pending", first.Data["status"])
	require.Equal(t, "append", first.Data["operation_type"])
	for _, key := range []string{"created_at", "started_at", "completed_at", "error_message"} {
		require.Contains(t, first.Data, key)
	}
	require.NotContains(t, first.Data, "operation_id")
	own.Nothing()
	require.NoError(t, w.Worker.Start(t.Context()))
	for name, s := range map[string]*testworld.Socket{"one": one, "own": own} {
		frames := s.Until("operation_completed")
		types := testworld.Types(frames)
		require.Equal(t, "operation_started", types[0], name)
		require.Equal(t, []string{"document_processed", "append_completed", "collection_stats", "operation_completed"}, types[len(types)-4:], name)
		at := time.Time{}
		for _, f := range frames {
			require.Equal(t, operation.String(), f.Data["operation_id"], f.Text)
			require.Equal(t, c.ID.String(), f.Data["collection_id"], f.Text)
			require.False(t, f.Timestamp.Before(at), f.Text)
			at = f.Timestamp
		}
		require.Subset(t, frames[0].Data, map[string]any{"status": "processing", "type": "append"})
		last := frames[len(frames)-4:]
		require.Subset(t, last[0].Data, map[string]any{"processed": 12.0, "failed": 1.0, "total": 13.0, "progress": 100.0})
		require.Contains(t, last[0].Data, "current_document")
		require.Subset(t, last[1].Data, map[string]any{"source_type": "upload", "documents_added": 12.0, "total_files_scanned": 13.0})
		require.Subset(t, last[2].Data["stats"], map[string]any{"document_count": 13.0, "vector_count": 12.0})
		require.Equal(t, "completed", last[3].Data["status"])
		require.Subset(t, last[3].Data["result"], map[string]any{"documents_processed": 12.0, "documents_failed": 1.0})
		s.Nothing()
	}
}

func TestSocket_AReindexTellsHowManyItHasCutAnew(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.StartListening()
	c := w.Collection(w.Root)
	w.AddDocuments(c, prose(3)...)
	own := watchOwn(w, w.Root)
	started := reindex(t, w, c, collections.ReindexInput{})
	// What was told of the load just before the socket opened may come after that.
	isOfIt := func(f testworld.Frame) bool { return f.Data["operation_id"] == started.UUID.String() }
	frames := own.Until("operation_completed")
	for !isOfIt(frames[len(frames)-1]) {
		frames = own.Until("operation_completed")
	}
	last := frames[len(frames)-4:]
	require.Equal(t, []string{"document_processed", "reindex_completed", "collection_stats", "operation_completed"}, testworld.Types(last))
	require.Subset(t, last[0].Data, map[string]any{"processed": 3.0, "failed": 0.0, "skipped": 0.0, "total": 3.0})
	require.InDelta(t, 3, last[1].Data["processed"], 0)
}

func TestSocket_EachEndIsToldOnceByItsOwnName(t *testing.T) {
	t.Parallel()
	type ending func(t *testing.T, w *testworld.World, c collections.Collection, operation uuid.UUID)
	for name, end := range map[string]ending{
		"operation_completed": func(t *testing.T, w *testworld.World, _ collections.Collection, _ uuid.UUID) {
			require.NoError(t, w.Worker.Start(t.Context()))
		},
		"operation_failed": func(t *testing.T, w *testworld.World, c collections.Collection, _ uuid.UUID) {
			w.Exec(`update documents set file_name = 'a.png', file_path = 'a.png', mime_type = 'image/png' where collection_id = $1`, c.ID)
			require.NoError(t, w.Worker.Start(t.Context()))
		},
		"operation_cancelled": func(t *testing.T, w *testworld.World, _ collections.Collection, operation uuid.UUID) {
			_, err := w.Operations.Cancel(w.As(w.Root), operation)
			require.NoError(t, err)
		},
		"operation_cancelled with its collection": func(_ *testing.T, w *testworld.World, c collections.Collection, _ uuid.UUID) {
			w.Delete(c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kind, _, _ := strings.Cut(name, " ")
			w := testworld.New(t, testworld.NoWorker())
			w.StartListening()
			c := w.Collection(w.Root)
			_, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "a"})
			one, own := watchOne(w, w.Root, *operation), watchOwn(w, w.Root)
			own.Nothing()
			end(t, w, c, *operation)
			for _, s := range []*testworld.Socket{one, own} {
				frames := s.Until(kind)
				f := frames[len(frames)-1]
				require.Equal(t, strings.TrimPrefix(kind, "operation_"), f.Data["status"])
				require.Equal(t, operation.String(), f.Data["operation_id"])
				if kind == "operation_failed" {
					require.Equal(t, *w.Operation(*operation).ErrorMessage, f.Data["error_message"])
				}
				tell(t, w, operations.Operation{UUID: *operation, CollectionID: c.ID, UserID: &w.Root.ID}, kind, nil)
				tell(t, w, operations.Operation{UUID: *operation, CollectionID: c.ID, UserID: &w.Root.ID}, "document_processed", nil)
			}
			// What is told after the end is heard by another socket, and thereby by these.
			s := w.Events.Subscribe("after")
			defer s.Close()
			require.NoError(t, events.Publish(testworld.Beside(t.Context()), w.DB, events.Event{Topics: []string{"after"}, Type: "x"}))
			w.AwaitNotice(s)
			one.Nothing()
			own.Nothing()
			again := watchOne(w, w.Root, *operation)
			require.Equal(t, []string{"current_state", kind}, testworld.Types(again.Until(kind)), "whoever comes later sees it too")
			again.Nothing()
			watchOwn(w, w.Root).Nothing()
		})
	}
}

func TestSocket_OneOwnsOperationsAndNobodyElses(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	alice, bob := w.User("alice"), w.User("bob")
	shared := w.Collection(alice, testworld.Public())
	w.Grant(shared, bob, collections.Write)
	ofAlice, ofBob, ofRoot := watchOwn(w, alice), watchOwn(w, bob), watchOwn(w, w.Root)
	for _, s := range []*testworld.Socket{ofAlice, ofBob, ofRoot} {
		s.Nothing()
	}
	_, byBob := w.Upload(bob, shared, testworld.File{Path: "a.txt", Content: "a"})
	created := w.NewCollection(alice)
	require.NoError(t, w.Worker.Start(t.Context()))
	w.AwaitOperation(*byBob)
	w.AwaitOperation(created.InitialOperationID)
	for s, operation := range map[*testworld.Socket]uuid.UUID{ofAlice: created.InitialOperationID, ofBob: *byBob} {
		for _, f := range s.Until("operation_completed") {
			require.Equal(t, operation.String(), f.Data["operation_id"], f.Text)
		}
		s.Nothing()
	}
	ofRoot.Nothing()
	index := watchOne(w, alice, created.InitialOperationID).Until("operation_completed")
	require.Len(t, index, 2)
}

func TestSocket_AnOperationIsWatchedThroughAProcessThatDoesNotWorkOnIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	other := testworld.New(t, testworld.On(w), testworld.NoWorker())
	other.StartListening()
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, several(8)...)
	// The token of one process is good at the other only with the same key.
	key := w.Key(w.Root, nil, auth.ScopeRead)
	one, own := other.Watch("/ws/operations/"+operation.String(), key), other.Watch("/ws/operations", key)
	own.Nothing()
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Contains(t, testworld.Types(one.Until("operation_completed")), "document_processed")
	require.Contains(t, testworld.Types(own.Until("operation_completed")), "append_completed")
}

const killListeners = `
select pg_terminate_backend(pid)
from pg_stat_activity
where datname = current_database()
  and query like 'listen%semantik_events%'`

func TestSocket_AnEndThatIsMissedWhileNothingIsHeardIsToldAfterwards(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	operation := w.NewCollection(w.Root).InitialOperationID
	one, own := watchOne(w, w.Root, operation), watchOwn(w, w.Root)
	own.Nothing()
	require.Equal(t, "current_state", one.Next().Type)
	// It ends as it would while the connection is away: nobody is told.
	w.Finish(operation)
	one.Nothing()
	own.Nothing()
	require.EqualValues(t, 1, w.Exec(killListeners))
	for _, s := range []*testworld.Socket{one, own} {
		f := s.Next()
		require.Equal(t, "operation_completed", f.Type)
		require.Equal(t, operation.String(), f.Data["operation_id"])
		require.Equal(t, map[string]any{}, f.Data["result"])
	}
	tell(t, w, w.Operation(operation), "operation_completed", nil)
	one.Nothing()
	own.Nothing()
	t.Run("and what begins then is heard", func(t *testing.T) {
		w := w.In(t)
		next := w.NewCollection(w.Root)
		require.NoError(t, w.Worker.Start(t.Context()))
		w.AwaitOperation(next.InitialOperationID)
		frames := own.Until("operation_completed")
		require.Equal(t, "operation_started", frames[0].Type)
		one.Nothing()
	})
}

func TestSocket_AnEndIsFoundAlthoughNothingIsEverHeard(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.Setting("WEBSOCKET_PING_SECONDS=0.05"), testworld.NoWorker())
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "a"})
	one, own := watchOne(w, w.Root, *operation), watchOwn(w, w.Root)
	own.Nothing()
	require.NoError(t, w.Worker.Start(t.Context()))
	require.Equal(t, []string{"current_state", "operation_completed"}, testworld.Types(one.Until("operation_completed")))
	require.Equal(t, "operation_completed", own.Next().Type)
}

func TestSocket_ItsEndIsSeenHoweverItFallsTogetherWithTheOpening(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	w.StartListening()
	c := w.Collection(w.Root)
	token := w.Token(w.Root)
	for i := range 10 {
		_, operation := w.Upload(w.Root, c, testworld.File{Path: fmt.Sprint(i, ".txt"), Content: strconv.Itoa(i)})
		s := w.Watch("/ws/operations/"+operation.String(), token)
		types := testworld.Types(s.Until("operation_completed"))
		require.Equal(t, "current_state", types[0])
		w.AwaitOperation(*operation)
		s.Nothing()
		_ = s.Conn.CloseNow()
	}
}

func TestSocket_AnEndIsWholeHoweverLongItsReasonIs(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	created := w.NewCollection(w.Root)
	s := watchOne(w, w.Root, created.InitialOperationID)
	repository := operations.NewRepository(w.DB)
	claimed, ok, err := repository.Claim(testworld.Beside(t.Context()), created.InitialOperationID, "a worker", time.Minute)
	require.NoError(t, err)
	require.True(t, ok)
	reason := "It begins. " + strings.Repeat("日", 20_000) + " It ends."
	require.NoError(t, repository.Finish(testworld.Beside(t.Context()), claimed, operations.StatusFailed, &reason, nil))
	frames := s.Until("operation_failed")
	require.Equal(t, reason, frames[len(frames)-1].Data["error_message"])
	w.Exec(`update collections set status = 'error', status_message = 'x' where id = $1`, created.ID)
}

func TestSocket_AnEndThatRollsBackIsToldToNobody(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.StartListening()
	created := w.NewCollection(w.Root)
	s := w.Events.Subscribe("operation " + created.InitialOperationID.String())
	defer s.Close()
	repository := operations.NewRepository(w.DB)
	require.ErrorIs(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		id, err := repository.CancelActive(ctx, w.Scope(created.ID))
		require.NoError(t, err)
		require.Equal(t, created.InitialOperationID, id)
		return testworld.ErrBroken
	}), testworld.ErrBroken)
	require.NoError(t, w.DB.InTx(t.Context(), func(ctx context.Context) error {
		_, err := repository.CancelActive(ctx, w.Scope(created.ID))
		return err
	}))
	require.Equal(t, "operation_cancelled", w.AwaitNotice(s).Type)
	require.Empty(t, s.Notices())
	w.Exec(`update collections set status = 'error', status_message = 'x' where id = $1`, created.ID)
}
