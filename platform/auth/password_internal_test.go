package auth

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/bcrypt"
)

func TestHasher_waitingForATurnStopsWithTheContext(t *testing.T) {
	t.Parallel()
	h, err := NewHasher(bcrypt.MinCost)
	require.NoError(t, err)
	for range cap(h.running) {
		h.running <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- h.VerifyUnknown(ctx, "password") }()
	cancel()
	require.ErrorIs(t, <-result, context.Canceled)

	go func() { result <- h.VerifyUnknown(t.Context(), "password") }()
	<-h.running
	require.NoError(t, <-result, "who waits gets the turn that becomes free")
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
