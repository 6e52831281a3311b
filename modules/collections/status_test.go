package collections_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/testworld"
)

func changer(w *testworld.World) *collections.StatusChanger {
	return collections.NewStatusChanger(w.DB, collections.NewRepository(w.DB), w.Audit)
}

func TestStatus_OnlyTheTransitionsOfTheTableEachWithAnEntry(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	status, scope := changer(w), w.Scope(c.ID)
	require.Len(t, collections.Transitions, len(collections.Statuses))
	entries := func() int64 {
		return w.Int(`select count(*) from audit_log where action = 'collection.status' and object_id = $1`, c.ID.String())
	}
	for _, from := range collections.Statuses {
		for _, to := range collections.Statuses {
			t.Run(fmt.Sprintf("%s to %s", from, to), func(t *testing.T) {
				w := w.In(t)
				w.Exec(`update collections set status = $2, status_message = 'before' where id = $1`, c.ID, from)
				written := entries()
				before := w.Snapshot()
				err := status.Change(t.Context(), scope, to, "because")
				now := w.Read(c.ID)
				switch {
				case from == to:
					require.NoError(t, err)
					require.Equal(t, "because", *now.StatusMessage, "the message is the latest")
					require.Equal(t, written, entries(), "nothing changed that the log tells of")
				case slices.Contains(collections.Transitions[from], to):
					require.NoError(t, err)
					require.Equal(t, to, now.Status)
					require.Equal(t, written+1, entries())
					require.JSONEq(t, fmt.Sprintf(`{"from": %q, "to": %q, "message": "because"}`, from, to),
						testworld.Value[string](w, `select details::text from audit_log order by id desc limit 1`))
				default:
					require.ErrorIs(t, err, collections.ErrWrongStatus)
					refused := apperr.From(err)
					require.Equal(t, apperr.Conflict, refused.Kind)
					require.Equal(t, map[string]any{"from": from, "to": to, "allowed": collections.Transitions[from]}, refused.Details)
					require.Contains(t, refused.Message, string(from))
					require.Contains(t, refused.Message, string(to))
					for _, s := range collections.Transitions[from] {
						require.Contains(t, refused.Message, string(s))
					}
					require.Empty(t, before.Changed(w.Snapshot()))
				}
			})
		}
	}
	w.Exec(`update collections set status = 'ready' where id = $1`, c.ID)
	require.NoError(t, status.Change(t.Context(), scope, collections.StatusReady, ""))
	require.Nil(t, w.Read(c.ID).StatusMessage)
	w.Delete(c)
	require.ErrorIs(t, status.Change(t.Context(), scope, collections.StatusProcessing, ""), collections.ErrNotFound)
}

func TestStatus_AChangeAndItsEntryCommitTogether(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	scope := w.Scope(c.ID)
	changed := w.FailEach(func() error {
		return changer(w).Change(t.Context(), scope, collections.StatusProcessing, "")
	})
	require.Equal(t, []string{"public.audit_log", "public.collections"}, changed)
	w.Exec(`update collections set status = 'ready' where id = $1`, c.ID)

	before := w.Snapshot()
	odd := errors.New("odd")
	broken := collections.NewStatusChanger(w.DB, collections.NewRepository(w.DB), failingRecorder{odd})
	require.ErrorIs(t, broken.Change(t.Context(), scope, collections.StatusProcessing, ""), odd)
	require.Empty(t, before.Changed(w.Snapshot()), "without an entry there is no change")
}

type failingRecorder struct{ err error }

func (f failingRecorder) Record(context.Context, audit.Entry) error { return f.err }

// Two who saw the same state: the second one's statement was sent before the
// first one committed, and judges by what the first has left.
func TestStatus_OfTwoAtOnceTheSecondIsJudgedByWhatTheFirstHasLeft(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	status, scope := changer(w), w.Scope(c.ID)
	w.Exec(`update collections set status = 'processing' where id = $1`, c.ID)
	to := []collections.Status{collections.StatusReady, collections.StatusError}
	errs := w.Race(2, func(i int) error { return status.Change(t.Context(), scope, to[i], "") })
	won := slices.IndexFunc(errs, func(err error) bool { return err == nil })
	require.GreaterOrEqual(t, won, 0, "%v", errs)
	require.ErrorIs(t, errs[1-won], collections.ErrWrongStatus)
	require.Equal(t, to[won], w.Read(c.ID).Status)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'collection.status'`))
	w.Exec(`update collections set status = 'ready' where id = $1`, c.ID)
}

func TestStatus_AnUploadLeavesItsUserAndTheWorkerInTheLog(t *testing.T) {
	t.Parallel()
	w := testworld.New(t)
	alice := w.User("alice")
	c := w.Collection(alice)
	_, operation := w.Upload(alice, c, testworld.File{Path: "a.txt", Content: "The house stands by the river."})
	w.AwaitOperation(*operation)
	require.Equal(t,
		"system pending processing, system processing ready, alice ready processing, system processing ready",
		testworld.Value[string](w, `
select string_agg(actor || ' ' || (details ->> 'from') || ' ' || (details ->> 'to'), ', ' order by id)
from audit_log
where action = 'collection.status'`))
}
