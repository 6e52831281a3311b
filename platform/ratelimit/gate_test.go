package ratelimit_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/platform/apperr"
	"semantik/platform/ratelimit"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func enter(t *testing.T, g *ratelimit.Gate, who string) func() {
	t.Helper()
	leave, err := g.Enter(t.Context(), who)
	require.NoError(t, err)
	return leave
}

func TestGate_OnePersonCannotTakeAllPlaces(t *testing.T) {
	t.Parallel()
	g := ratelimit.NewGate(ratelimit.GateConfig{Places: 4, Each: 2, Waiting: 1, Patience: 10 * time.Millisecond})
	first, second := enter(t, g, "alice"), enter(t, g, "alice")
	_, err := g.Enter(t.Context(), "alice")
	require.ErrorIs(t, err, ratelimit.ErrGateFull)
	require.Equal(t, apperr.Unavailable, apperr.KindOf(err))
	require.Positive(t, apperr.From(err).RetryAfter)
	third, fourth := enter(t, g, "bob"), enter(t, g, "bob")
	_, err = g.Enter(t.Context(), "carol")
	require.ErrorIs(t, err, ratelimit.ErrGateFull)
	first()
	enter(t, g, "carol")()
	second()
	third()
	fourth()
	enter(t, g, "alice")()
}

func TestGate_WhoWaitsGetsThePlaceThatBecomesFree(t *testing.T) {
	t.Parallel()
	g := ratelimit.NewGate(ratelimit.GateConfig{Places: 1, Each: 1, Waiting: 1, Patience: time.Minute})
	leave := enter(t, g, "alice")
	entered := make(chan func())
	go func() {
		l, _ := g.Enter(context.Background(), "bob")
		entered <- l
	}()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	require.Eventually(t, func() bool {
		_, err := g.Enter(gone, "carol")
		return errors.Is(err, ratelimit.ErrGateFull) // no room to wait: bob is there
	}, 10*time.Second, time.Millisecond)
	leave()
	(<-entered)()
}

func TestGate_WhoGoesAwayWaitsNoLonger(t *testing.T) {
	t.Parallel()
	g := ratelimit.NewGate(ratelimit.GateConfig{Places: 1, Each: 1, Waiting: 5, Patience: time.Minute})
	leave := enter(t, g, "alice")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, who := range []string{"alice", "bob"} {
		_, err := g.Enter(gone, who)
		require.ErrorIs(t, err, context.Canceled)
	}
	leave()
	enter(t, g, "bob")()
}

func TestGate_NeverMoreAreInThanThereArePlaces(t *testing.T) {
	t.Parallel()
	g := ratelimit.NewGate(ratelimit.GateConfig{Places: 3, Each: 2, Waiting: 1000, Patience: time.Minute})
	var in, inside, tooMany atomic.Int64
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			leave, err := g.Enter(context.Background(), []string{"alice", "bob", "carol"}[i%3])
			if err != nil {
				return
			}
			if in.Add(1) > 3 {
				tooMany.Add(1)
			}
			inside.Add(1)
			in.Add(-1)
			leave()
		})
	}
	group.Wait()
	require.Zero(t, tooMany.Load())
	require.EqualValues(t, 200, inside.Load())
}
