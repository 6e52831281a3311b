package idempotency_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/idempotency"
	"semantik/testworld"
)

func allowed(context.Context) error { return nil }

// called is a request with this key and a body that is known.
func called(key string) idempotency.Request {
	const digest = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	return idempotency.Request{Given: true, Key: key, Endpoint: "POST /there", Digest: func() (string, error) { return digest, nil }}
}

// answering works by giving an answer with this body.
func answering(body string) idempotency.Work {
	return func(context.Context) (idempotency.Answer, error) {
		return idempotency.Answer{Status: http.StatusCreated, Body: []byte(body)}, nil
	}
}

func TestKeeper_AnAnswerThatIsTooLargeIsNotKeptAndTheRequestNotCarriedOutAgain(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx := w.As(w.Root)
	large := string(make([]byte, idempotency.MaxAnswer+1))
	for name, carryOut := range map[string]func(r idempotency.Request, work idempotency.Work) (idempotency.Answer, error){
		"at-once": func(r idempotency.Request, work idempotency.Work) (idempotency.Answer, error) {
			return w.Idempotency.Once(ctx, r, allowed, work)
		},
		"in-steps": func(r idempotency.Request, work idempotency.Work) (idempotency.Answer, error) {
			return w.Idempotency.OnceInSteps(ctx, r, allowed, work)
		},
	} {
		answer, err := carryOut(called(name), answering(large))
		require.NoError(t, err)
		require.Len(t, answer.Body, len(large))
		_, err = carryOut(called(name), answering("again"))
		require.ErrorIs(t, err, idempotency.ErrAnswerNotKept)

		_, err = carryOut(called(name+" "), answering(""))
		require.ErrorIs(t, err, idempotency.ErrKeyInvalid)
		key := uuid.NewString()
		_, err = carryOut(called(key), answering(large[1:]))
		require.NoError(t, err)
		answer, err = carryOut(called(key), answering("again"))
		require.NoError(t, err)
		require.True(t, answer.Replayed)
		require.Len(t, answer.Body, idempotency.MaxAnswer)
	}
}

func TestKeeper_AKeyIsHeldForAsLongAsTheWorkLasts(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx := w.As(w.Root)
	keeper := idempotency.New(w.DB, idempotency.Config{Lease: 400 * time.Millisecond})
	answer, err := keeper.OnceInSteps(ctx, called("k"), allowed, func(context.Context) (idempotency.Answer, error) {
		first := testworld.Value[time.Time](w, `select lease_until from idempotency_keys`)
		w.Await("the first lease would have lapsed", func() bool {
			return testworld.Value[bool](w, `select clock_timestamp() > $1::timestamptz + interval '400 milliseconds'`, first)
		})
		_, err := keeper.OnceInSteps(ctx, called("k"), allowed, answering("twin"))
		require.ErrorIs(t, err, idempotency.ErrInProgress)
		n, err := keeper.Forget(ctx)
		require.NoError(t, err)
		require.Zero(t, n)
		return answering("first")(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, "first", string(answer.Body))
	require.EqualValues(t, 1, w.Int(`select count(*) from idempotency_keys where owner is null and lease_until is null and response_body = 'first'`))
}

func TestKeeper_WhoeverLostTheKeyDoesNotWriteOverTheAnswer(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx := w.As(w.Root)
	answer, err := w.Idempotency.OnceInSteps(ctx, called("k"), allowed, func(context.Context) (idempotency.Answer, error) {
		w.Exec(`update idempotency_keys set lease_until = now()`)
		taken, err := w.Idempotency.OnceInSteps(ctx, called("k"), allowed, answering("second"))
		require.NoError(t, err)
		require.False(t, taken.Replayed)
		return answering("first")(ctx)
	})
	require.NoError(t, err)
	require.Equal(t, "first", string(answer.Body))
	answer, err = w.Idempotency.OnceInSteps(ctx, called("k"), allowed, answering("third"))
	require.NoError(t, err)
	require.Equal(t, "second", string(answer.Body))

	errBroken := errors.New("broken")
	_, err = w.Idempotency.OnceInSteps(ctx, called("l"), allowed, func(context.Context) (idempotency.Answer, error) {
		w.Exec(`update idempotency_keys set owner = gen_random_uuid() where key = 'l'`)
		return idempotency.Answer{}, errBroken
	})
	require.ErrorIs(t, err, errBroken)
	require.EqualValues(t, 1, w.Int(`select count(*) from idempotency_keys where key = 'l'`), "it is another one's by now")
}

func TestKeeper_AKeyIsGivenUpWhateverEndsTheWork(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx, cancel := context.WithCancel(w.As(w.Root))
	defer cancel()
	require.Panics(t, func() {
		_, _ = w.Idempotency.OnceInSteps(ctx, called("k"), allowed, func(context.Context) (idempotency.Answer, error) { panic("x") })
	})
	require.Panics(t, func() {
		_, _ = w.Idempotency.Once(ctx, called("k"), allowed, func(context.Context) (idempotency.Answer, error) { panic("x") })
	})
	unread := called("k")
	unread.Digest = func() (string, error) { return "", errors.New("broken") }
	_, err := w.Idempotency.OnceInSteps(ctx, unread, allowed, answering("x"))
	require.Error(t, err)
	_, err = w.Idempotency.OnceInSteps(ctx, called("k"), allowed, func(ctx context.Context) (idempotency.Answer, error) {
		cancel() // the client has gone
		return idempotency.Answer{}, ctx.Err()
	})
	require.ErrorIs(t, err, context.Canceled)
	require.Zero(t, w.Int(`select count(*) from idempotency_keys`))

	// A client that goes once all is done finds the answer.
	ctx, cancel = context.WithCancel(w.As(w.Root))
	defer cancel()
	_, err = w.Idempotency.OnceInSteps(ctx, called("k"), allowed, func(ctx context.Context) (idempotency.Answer, error) {
		cancel()
		return answering("done")(ctx)
	})
	require.NoError(t, err)
	require.EqualValues(t, 1, w.Int(`select count(*) from idempotency_keys where response_body = 'done'`))
}

func TestKeeper_TheRightIsAskedForBeforeTheKeyAndAgainBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	ctx := w.As(w.Root)
	errForbidden := errors.New("forbidden")
	forbidden := func(context.Context) error { return errForbidden }
	_, err := w.Idempotency.Once(ctx, called(""), forbidden, answering("x"))
	require.ErrorIs(t, err, errForbidden)
	_, err = w.Idempotency.Once(ctx, called("k"), allowed, answering("x"))
	require.NoError(t, err)
	asked := 0
	_, err = w.Idempotency.Once(ctx, called("k"), func(context.Context) error {
		if asked++; asked > 1 {
			return errForbidden
		}
		return nil
	}, answering("x"))
	require.ErrorIs(t, err, errForbidden, "it was lost while the body was being read")
	require.Equal(t, 2, asked)
}

func TestKeeper_ForgetsInSlicesWhatCountsNoMore(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	w.Exec(`
insert into idempotency_keys (user_id, key, endpoint, request_hash, response_status, response_body, expires_at)
select $1, 'old ' || n, 'POST /there', 'x', 201, '{}', now() - interval '1 second' from generate_series(1, 25) n`, w.Root.ID)
	w.Exec(`
insert into idempotency_keys (user_id, key, endpoint, request_hash, response_status, response_body)
select $1, 'new ' || n, 'POST /there', 'x', 201, '{}' from generate_series(1, 5) n`, w.Root.ID)
	w.Exec(`
insert into idempotency_keys (user_id, key, endpoint, owner, lease_until, expires_at)
values ($1, 'held', 'POST /there', gen_random_uuid(), now() + interval '1 minute', now() - interval '1 second'),
       ($1, 'left', 'POST /there', gen_random_uuid(), now() - interval '1 day', now() - interval '1 second')`, w.Root.ID)
	keeper := idempotency.New(w.DB, idempotency.Config{Slice: 10})
	var n int64
	var err error
	statements := w.Trace.Record(func() { n, err = keeper.Forget(t.Context()) })
	require.NoError(t, err)
	require.EqualValues(t, 26, n)
	require.Len(t, statements, 3)
	require.EqualValues(t, 6, w.Int(`select count(*) from idempotency_keys`))
	require.EqualValues(t, 1, w.Int(`select count(*) from idempotency_keys where key = 'held'`))
	n, err = keeper.Forget(t.Context())
	require.NoError(t, err)
	require.Zero(t, n)
}

func TestKeeper_KeysGoWithTheirUser(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	dave := w.User("dave")
	_, err := w.Idempotency.Once(w.As(dave), called("k"), allowed, answering("x"))
	require.NoError(t, err)
	_, err = w.Idempotency.OnceInSteps(w.As(dave), called("l"), allowed, func(ctx context.Context) (idempotency.Answer, error) {
		w.Exec(`delete from users where id = $1`, dave.ID)
		return answering("x")(ctx)
	})
	require.NoError(t, err)
	require.Zero(t, w.Int(`select count(*) from idempotency_keys`))
	_, err = w.Idempotency.Once(w.As(dave), called("m"), allowed, answering("x"))
	require.ErrorContains(t, err, "Sign in again")
}
