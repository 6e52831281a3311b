package users

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestFailures_FewerAndFewerAreWorthTelling(t *testing.T) {
	t.Parallel()
	f := newFailures()
	clock := time.Now()
	f.now = func() time.Time { return clock }
	told := func(name string, n int) (counts []int) {
		for range n {
			if count, telling := f.note(name); telling {
				counts = append(counts, count)
			}
		}
		return counts
	}
	require.Equal(t, []int{1, 2, 3, 10, 100, 1000}, told("alice", 5000))
	require.Equal(t, []int{1, 2}, told("bob", 2), "each name by itself")
	clock = clock.Add(failureWindow - 1)
	require.Empty(t, told("alice", 10))
	clock = clock.Add(1)
	require.Equal(t, []int{1, 2, 3, 10}, told("alice", 10), "and begins again when the window is over")
}

func TestFailures_WhatIsKeptInMindIsBounded(t *testing.T) {
	t.Parallel()
	f := newFailures()
	clock := time.Now()
	f.now = func() time.Time { return clock }
	for i := range 3*maxFailures + 1 {
		f.note(strconv.Itoa(i))
		require.LessOrEqual(t, len(f.seen), maxFailures)
	}
	// What has lapsed goes first.
	f = newFailures()
	f.now = func() time.Time { return clock }
	for i := range maxFailures - 1 {
		f.note(strconv.Itoa(i))
	}
	clock = clock.Add(failureWindow)
	f.note("alice")
	f.note("bob")
	require.Len(t, f.seen, 2)
	count, _ := f.note("alice")
	require.Equal(t, 2, count)
}
