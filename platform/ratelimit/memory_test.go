package ratelimit_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/ratelimit"
)

// clock is a time that a test holds still.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2025, 7, 15, 10, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func key(id string) ratelimit.Key { return ratelimit.Key{Class: "test", ID: id} }

var tenAMinute = ratelimit.Rate{Count: 10, Per: time.Minute}

func take(t *testing.T, l ratelimit.Limiter, id string, r ratelimit.Rate) ratelimit.Result {
	t.Helper()
	result, err := l.Take(t.Context(), key(id), r)
	require.NoError(t, err)
	return result
}

func TestMemory_AFullBucketMayBeTakenAtOnceAndComesBackEvenly(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(10, c.Now)
	for left := 9; left >= 0; left-- {
		r := take(t, m, "a", tenAMinute)
		require.True(t, r.Allowed)
		require.Equal(t, tenAMinute, r.Rate)
		require.Equal(t, left, r.Remaining)
		require.Equal(t, c.Now().Add(time.Duration(10-left)*6*time.Second), r.Reset)
		require.NoError(t, r.Err())
	}
	r := take(t, m, "a", tenAMinute)
	require.False(t, r.Allowed)
	require.Equal(t, 6*time.Second, r.RetryAfter)
	require.Equal(t, c.Now().Add(time.Minute), r.Reset)
	require.Equal(t, apperr.RateLimited, apperr.KindOf(r.Err()))
	require.Equal(t, "10 per minute", apperr.From(r.Err()).Details["limit"])
	require.ErrorContains(t, r.Err(), "there may be 10 per minute. Try again in 6 seconds")
	require.True(t, take(t, m, "b", tenAMinute).Allowed, "another key has a bucket of its own")

	c.pass(5 * time.Second)
	r = take(t, m, "a", tenAMinute)
	require.False(t, r.Allowed)
	require.InDelta(t, float64(time.Second), float64(r.RetryAfter), float64(time.Millisecond))
	c.pass(time.Second)
	require.True(t, take(t, m, "a", tenAMinute).Allowed)
	require.False(t, take(t, m, "a", tenAMinute).Allowed)
	c.pass(time.Hour)
	require.Equal(t, 9, take(t, m, "a", tenAMinute).Remaining, "it never holds more than it can")
}

func TestMemory_WhatIsGivenBackCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(10, c.Now)
	for range 10 {
		take(t, m, "a", tenAMinute)
	}
	require.NoError(t, m.Give(t.Context(), key("a"), tenAMinute))
	require.True(t, take(t, m, "a", tenAMinute).Allowed)
	require.False(t, take(t, m, "a", tenAMinute).Allowed)

	for range 50 {
		require.NoError(t, m.Give(t.Context(), key("a"), tenAMinute))
		require.NoError(t, m.Give(t.Context(), key("nobody"), tenAMinute))
	}
	for range 10 {
		require.True(t, take(t, m, "a", tenAMinute).Allowed)
	}
	require.False(t, take(t, m, "a", tenAMinute).Allowed, "more than all of it cannot be given back")
	c.pass(-time.Hour)
	require.False(t, take(t, m, "a", tenAMinute).Allowed, "a clock that is set back gives nothing away")
}

func TestMemory_ARateThatChangesBeginsAnew(t *testing.T) {
	t.Parallel()
	m := ratelimit.NewMemory(10, newClock().Now)
	once := ratelimit.Rate{Count: 1, Per: time.Hour}
	require.True(t, take(t, m, "a", once).Allowed)
	require.False(t, take(t, m, "a", once).Allowed)
	require.Equal(t, 9, take(t, m, "a", tenAMinute).Remaining)
	require.Equal(t, 1, m.Len())
}

func TestMemory_AFloodOfKeysTakesABoundedPlaceAndIsForgotten(t *testing.T) {
	t.Parallel()
	c := newClock()
	m := ratelimit.NewMemory(1000, c.Now)
	for range 10 {
		take(t, m, "victim", tenAMinute)
	}
	long := strings.Repeat("x", 1<<20)
	for i := range 20_000 {
		take(t, m, strconv.Itoa(i), tenAMinute)
		if i%500 == 0 {
			take(t, m, long, tenAMinute)
			require.False(t, take(t, m, "victim", tenAMinute).Allowed, "what is used is not forgotten")
		}
	}
	require.LessOrEqual(t, m.Len(), 1000)
	c.pass(2 * time.Minute)
	for i := range 1000 {
		take(t, m, fmt.Sprint("later ", i%2), tenAMinute)
	}
	for i := range 600 {
		take(t, m, fmt.Sprint("and later ", i), tenAMinute)
	}
	require.LessOrEqual(t, m.Len(), 700, "what says nothing any more goes two by two")
}

func TestMemory_OfManyAtOnceAsManyAreLetThroughAsThereAre(t *testing.T) {
	t.Parallel()
	m := ratelimit.NewMemory(10, newClock().Now)
	var allowed atomic.Int64
	var group sync.WaitGroup
	for range 16 {
		group.Go(func() {
			for range 200 {
				r, err := m.Take(t.Context(), key("a"), ratelimit.Rate{Count: 100, Per: time.Hour})
				if err == nil && r.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	group.Wait()
	require.EqualValues(t, 100, allowed.Load())
}

func TestRate_IsWrittenForPeople(t *testing.T) {
	t.Parallel()
	require.Equal(t, "10 per minute", tenAMinute.String())
	require.Equal(t, "20 per hour", ratelimit.Rate{Count: 20, Per: time.Hour}.String())
	require.Equal(t, "3 per 1m30s", ratelimit.Rate{Count: 3, Per: 90 * time.Second}.String())
}

func TestRecent_ForgetsWhatIsOldAndWhatIsTooMuch(t *testing.T) {
	t.Parallel()
	c := newClock()
	r := ratelimit.NewRecent(3, time.Minute, c.Now)
	for _, text := range []string{"a", "b", "a", "c", "d"} {
		r.Add(text)
		require.True(t, r.Has(text))
	}
	require.False(t, r.Has("b"), "the one that was added longest ago")
	require.True(t, r.Has("a"))
	r.Remove("a")
	r.Remove("nobody")
	require.False(t, r.Has("a"))
	c.pass(time.Minute)
	require.False(t, r.Has("d"))
}

func BenchmarkMemory_Take(b *testing.B) {
	m := ratelimit.NewMemory(ratelimit.DefaultKeys, time.Now)
	many := ratelimit.Rate{Count: 1_000_000, Per: time.Second}
	b.Run("one key", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_, _ = m.Take(b.Context(), key("user 1"), many)
		}
	})
	b.Run("a flood", func(b *testing.B) {
		b.ReportAllocs()
		n := 0
		for b.Loop() {
			n++
			_, _ = m.Take(b.Context(), key(strconv.Itoa(n)), tenAMinute)
		}
	})
}
