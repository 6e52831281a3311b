package testworld_test

import (
	"bufio"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/database"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

// Whoever got no answer, or a 503, asks again until there is one, whatever broke.
func TestKey_WhateverBreaksOffTheRequestIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		n := 0
		for reached := true; reached; n++ {
			require.Less(t, n, 200)
			key := uuid.NewString()
			reached = w.FailAt(n, func() { w.Send(r.scenario(token, key, n)) })
			last := insist(t, w, func() testworld.Scenario { return r.scenario(token, key, n) })
			require.Less(t, last.Status, 300, last.Body)
			require.EqualValues(t, 1, w.Int(r.count, n), "statement %d was broken off", n)
			requireReplayed(t, last, w.Send(r.scenario(token, key, n)))
		}
		require.Greater(t, n, 5)
	})
}

// The answer to a COMMIT is lost: nobody knows whether it was done, but the key does.
func TestKey_ACommitWithoutAnAnswerIsNotDoneAgain(t *testing.T) {
	t.Parallel()
	var proxy *pgtest.Proxy
	w := testworld.New(t, testworld.NoWorker(), testworld.Database(func(c *database.Config) {
		proxy = pgtest.NewProxy(t, c.URL)
		c.URL = proxy.URL
	}))
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		key := uuid.NewString()
		if strings.HasPrefix(t.Name()[strings.LastIndex(t.Name(), "/")+1:], "uploading") {
			// The first commit is that of the key alone, which is held from then on.
			proxy.CutAfter("commit", 1)
			require.Contains(t, w.Send(r.scenario(token, key, 1)).Body, "outcome_unknown")
			require.Equal(t, http.StatusConflict, w.Send(r.scenario(token, key, 1)).Status)
			w.Exec(`update idempotency_keys set lease_until = now() where key = $1`, key)
			requireCarriedOut(t, w.Send(r.scenario(token, key, 1)))
			return
		}
		proxy.CutAfter("commit", 1)
		lost := w.Send(r.scenario(token, key, 1))
		require.Equal(t, http.StatusServiceUnavailable, lost.Status)
		require.Contains(t, lost.Body, "outcome_unknown")
		again := w.Send(r.scenario(token, key, 1))
		require.Equal(t, http.StatusCreated, again.Status, again.Body)
		require.Equal(t, "true", again.Header.Get(headerReplayed))
		require.EqualValues(t, 1, w.Int(r.count, 1))
	})
}

// The files are there by then: whoever sends them again must not be told that they were
// there before.
func TestKey_AnUploadsAnswerIsKeptThoughAConnectionBreaks(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"before it is written": "set request_hash = $4",
		"once it is written":   `{"documents":[{`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var proxy *pgtest.Proxy
			w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry(), testworld.Database(func(c *database.Config) {
				proxy = pgtest.NewProxy(t, c.URL)
				c.URL = proxy.URL
			}))
			r := requests(w.Collection(w.Root))["uploading files"]
			token, key := "Bearer "+w.Token(w.Root), uuid.NewString()
			proxy.CutAfter(statement, 2)
			first := w.Request(expect(r.scenario(token, key, 1), http.StatusAccepted, `"outcome":"created"`))
			requireReplayed(t, first, w.Request(expect(r.scenario(token, key, 1), http.StatusAccepted, `"outcome":"created"`)))
			require.EqualValues(t, 1, w.Int(r.count, 1))
		})
	}
}

// What a server leaves behind that was killed after the last file and before the
// answer: a key that is held.
func TestKey_AnUploadThatWasKilledIsTakenUpOnceItsLeaseLapses(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	r := requests(w.Collection(w.Root))["uploading files"]
	token, key := "Bearer "+w.Token(w.Root), uuid.NewString()
	requireCarriedOut(t, w.Send(r.scenario(token, "", 1)))
	w.Exec(`
insert into idempotency_keys (user_id, key, endpoint, owner, lease_until)
values ($1, $2, 'POST ' || $3, gen_random_uuid(), now() + interval '1 minute')`, w.Root.ID, key, r.path)

	held := expect(r.scenario(token, key, 1), http.StatusConflict, "idempotency_key_in_progress")
	held.Pure = true
	require.Equal(t, "2", w.Request(held).Header.Get("Retry-After"))
	other := expect(requests(w.Collection(w.Root))["making a collection"].scenario(token, key, 1), http.StatusUnprocessableEntity, "idempotency_key_reused")
	other.Pure = true
	w.Request(other)

	w.Exec(`update idempotency_keys set lease_until = now() where key = $1`, key)
	taken := w.Request(expect(r.scenario(token, key, 1), http.StatusAccepted, `"outcome":"duplicate"`))
	requireCarriedOut(t, taken)
	require.NotContains(t, taken.Body, `"outcome":"created"`)
	require.EqualValues(t, 2, w.Int(`select count(*) from documents`))
	requireReplayed(t, taken, w.Send(r.scenario(token, key, 1)))
}

// slow sends a request whose body comes when the test wants it, and gives its answer.
func slow(t *testing.T, w *testworld.World, r request, contentType, token, key string) (*io.PipeWriter, chan testworld.Answer) {
	t.Helper()
	reader, writer := io.Pipe()
	answer := make(chan testworld.Answer, 1)
	s := r.scenario(token, key, 1)
	s.Body, s.Headers["Content-Type"] = io.Reader(reader), contentType
	w.Address() // starts the server in the test's own goroutine
	go func() { answer <- w.Send(s) }()
	return writer, answer
}

func TestKey_ATwinOfALoadThatRunsIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	r := requests(w.Collection(w.Root))["loading lines"]
	token, key := "Bearer "+w.Token(w.Root), uuid.NewString()
	text, _ := r.body(1).(string)
	pause := w.Trace.PauseAt("idle_in_transaction_session_timeout")
	writer, answer := slow(t, w, r, lines, token, key)
	body := bufio.NewWriter(writer)
	_, err := body.WriteString(text[:10])
	require.NoError(t, err)
	require.NoError(t, body.Flush())
	<-pause.Reached()
	pause.Resume()
	require.Equal(t, "2", w.Request(expect(r.scenario(token, key, 1), http.StatusConflict, "idempotency_key_in_progress")).Header.Get("Retry-After"))
	_, err = body.WriteString(text[10:])
	require.NoError(t, err)
	require.NoError(t, body.Flush())
	require.NoError(t, writer.Close())
	first := <-answer
	requireCarriedOut(t, first)
	requireReplayed(t, first, w.Send(r.scenario(token, key, 1)))
	require.EqualValues(t, 1, w.Int(r.count, 1))
}

func TestKey_ATwinOfAnUploadThatRunsIsToldToComeAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	r := requests(w.Collection(w.Root))["uploading files"]
	token, key := "Bearer "+w.Token(w.Root), uuid.NewString()
	reader, inner := io.Pipe()
	form := multipart.NewWriter(inner)
	writer, answer := slow(t, w, r, form.FormDataContentType(), token, key)
	copied := make(chan error, 1)
	go func() {
		_, err := io.Copy(writer, reader)
		_ = writer.Close()
		copied <- err
	}()
	put := func(name, content string) {
		part, err := form.CreateFormFile("file", name)
		require.NoError(t, err)
		_, err = io.WriteString(part, content)
		require.NoError(t, err)
	}
	require.NoError(t, form.WriteField("source_path", "here"))
	put("a 1", "text a 1")
	w.Await("the key is held", func() bool { return w.Int(`select count(*) from idempotency_keys where key = $1`, key) == 1 })
	require.Equal(t, "2", w.Request(expect(r.scenario(token, key, 1), http.StatusConflict, "idempotency_key_in_progress")).Header.Get("Retry-After"))
	put("b 1", "text b 1")
	require.NoError(t, form.Close())
	require.NoError(t, inner.Close())
	require.NoError(t, <-copied)
	first := <-answer
	requireCarriedOut(t, first)
	requireReplayed(t, first, w.Send(r.scenario(token, key, 1)))
	require.EqualValues(t, 1, w.Int(r.count, 1))
}
