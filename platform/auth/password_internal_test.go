package auth

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"

	"semantik/platform/apperr"
)

func TestHasher_waitingForATurnStopsWithTheContext(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(bcrypt.MinCost)
	require.NoError(t, err)
	for range cap(h.turns.running) {
		h.turns.running <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- h.VerifyUnknown(ctx, "password") }()
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)

	go func() { result <- h.VerifyUnknown(t.Context(), "password") }()
	<-h.turns.running
	require.NoError(t, <-result, "who waits gets the turn that becomes free")
}

func TestHasher_whoWouldWaitTooLongIsToldSoAtOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		took    time.Duration
		waiting int64
		retry   time.Duration
	}{
		"slow hashes":          {took: time.Second, waiting: 1000, retry: time.Minute},
		"a little too many":    {took: time.Second, waiting: 12 * int64(runtime.GOMAXPROCS(0)), retry: 12 * time.Second},
		"too many, but quick":  {took: time.Millisecond, waiting: maxWaiting, retry: time.Second},
		"too many, and no one": {waiting: maxWaiting, retry: time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, err := NewHasher(bcrypt.MinCost)
			require.NoError(t, err)
			for range cap(h.turns.running) {
				h.turns.running <- struct{}{}
			}
			h.turns.took.Store(int64(c.took))
			h.turns.waiting.Store(c.waiting)
			err = h.VerifyUnknown(t.Context(), "password")
			require.ErrorIs(t, err, ErrPasswordsBusy)
			require.Equal(t, apperr.Unavailable, apperr.KindOf(err))
			require.InDelta(t, c.retry.Seconds(), apperr.From(err).RetryAfter.Seconds(), 1)
			require.Equal(t, c.waiting, h.turns.waiting.Load(), "nobody is left in the queue")
			<-h.turns.running
			require.NoError(t, h.VerifyUnknown(t.Context(), "password"), "a free turn is taken, however many there were")
			require.Less(t, time.Duration(h.turns.took.Load()), max(c.took, 10*time.Second), "and it is measured")
		})
	}
}

// What a stranger can measure: log-in with a name that does not exist takes as
// long as with one that does. The clock of a busy machine proves nothing, so what
// is checked is that the work is the same: bcrypt computes the hash to the end, at
// the same cost, and only then finds that it differs.
func TestHasher_anUnknownUserMakesTheSameWork(t *testing.T) {
	t.Parallel()
	for _, cost := range []int{bcrypt.MinCost, 10, bcrypt.MaxCost} {
		got, err := bcrypt.Cost([]byte(unknownHash(cost)))
		require.NoError(t, err)
		require.Equal(t, cost, got)
	}
	h, err := NewHasher(bcrypt.MinCost)
	require.NoError(t, err)
	require.ErrorIs(t, bcrypt.CompareHashAndPassword([]byte(unknownHash(bcrypt.MinCost)), digest("password")), bcrypt.ErrMismatchedHashAndPassword)
	require.NoError(t, h.VerifyUnknown(t.Context(), "password"))
}
