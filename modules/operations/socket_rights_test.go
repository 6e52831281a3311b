package operations_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/testworld"
)

// waysToLoseARight are ways to lose the right to watch, in person and by a key.
var waysToLoseARight = map[string]struct {
	take func(w *testworld.World, u users.User, key uuid.UUID)
	// ends says that the socket of one's own operations ends as well.
	ends bool
}{
	"the permission is taken back": {func(w *testworld.World, u users.User, _ uuid.UUID) {
		w.Exec(`delete from collection_permissions where user_id = $1`, u.ID)
	}, false},
	"the account is deactivated": {func(w *testworld.World, u users.User, _ uuid.UUID) {
		w.Exec(`update users set is_active = false where id = $1`, u.ID)
	}, true},
	"the sessions are ended": {func(w *testworld.World, u users.User, key uuid.UUID) {
		w.Exec(`update users set session_generation = session_generation + 1 where id = $1`, u.ID)
		w.Exec(`update api_keys set is_active = false where id = $1`, key)
	}, true},
	"the API key expires": {func(w *testworld.World, u users.User, key uuid.UUID) {
		w.Exec(`update users set session_generation = session_generation + 1 where id = $1`, u.ID)
		w.Exec(`update api_keys set created_at = now() - interval '2 days', expires_at = now() - interval '1 day' where id = $1`, key)
	}, true},
}

// What takes a right away takes the events away, within a second.
func TestSocket_NothingIsToldToWhoMayNotReadItAnyMore(t *testing.T) {
	t.Parallel()
	for name, c := range waysToLoseARight {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			w.StartListening()
			dave := w.User("dave")
			collection := w.Collection(w.Root)
			w.Grant(collection, dave, collections.Write)
			_, operation := w.Upload(dave, collection, testworld.File{Path: "a.txt", Content: "a"})
			o := w.Operation(*operation)
			id, key := w.NewKey(dave, nil, auth.ScopeRead)
			one, own := watchOne(w, dave, o.UUID), watchOwn(w, dave)
			oneByKey, ownByKey := w.Watch("/ws/operations/"+o.UUID.String(), key), w.Watch("/ws/operations", key)
			control := watchOne(w, w.Root, o.UUID)
			for _, s := range []*testworld.Socket{one, own, oneByKey, ownByKey, control} {
				tell(t, w, o, "document_processed", map[string]any{"current_document": "before"})
				s.Until("document_processed")
			}
			c.take(w, dave, id)
			taken := time.Now()
			tellUntil(t, w, o, taken.Add(3*time.Second))
			ended := []*testworld.Socket{one, oneByKey}
			if c.ends {
				ended = append(ended, own, ownByKey)
			}
			for _, s := range ended {
				frames, err := s.Ended()
				require.NotContains(t, fmt.Sprint(err), "status =", "it is dropped")
				requireNothingAfter(t, frames, taken)
			}
			if !c.ends {
				for _, s := range []*testworld.Socket{own, ownByKey} {
					s.Say("ping")
					requireNothingAfter(t, s.Until("pong"), taken)
				}
			}
			control.Say("ping")
			frames := control.Until("pong")
			require.Greater(t, frames[len(frames)-2].Timestamp.Sub(taken), 2*time.Second, "others hear all of it")
		})
	}
}

// tellUntil tells something every now and then, until the time has come.
func tellUntil(t *testing.T, w *testworld.World, o operations.Operation, end time.Time) {
	t.Helper()
	s := w.Events.Subscribe("operation " + o.UUID.String())
	defer s.Close()
	for time.Now().Before(end) {
		tell(t, w, o, "document_processed", map[string]any{"current_document": "after"})
		w.AwaitNotice(s)
		<-time.After(50 * time.Millisecond)
	}
}

func requireNothingAfter(t *testing.T, frames []testworld.Frame, taken time.Time) {
	t.Helper()
	for _, f := range frames {
		require.Less(t, f.Timestamp.Sub(taken), 1500*time.Millisecond, f.Text)
	}
}

func TestSocket_WhatIsNoOperationOfTheirsIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	mallory := w.User("mallory")
	c := w.Collection(w.Root)
	_, operation := w.Upload(w.Root, c, testworld.File{Path: "a.txt", Content: "a"})
	version1 := uuid.Must(uuid.NewUUID())
	for _, path := range []string{
		operation.String(), uuid.NewString(), uuid.Nil.String(), version1.String(), "1", "..", "%2e%2e", "a%00", strings.Repeat("a", 3000),
		"{" + uuid.NewString() + "}", operation.String() + "x",
	} {
		conn, a := w.Handshake("/ws/operations/"+path, nil, "access_token."+w.Token(mallory))
		require.Nil(t, conn, path)
		require.Contains(t, []int{http.StatusForbidden, http.StatusBadRequest, http.StatusNotFound}, a.Status, path)
	}
	require.Zero(t, w.Sockets.Count())
}
