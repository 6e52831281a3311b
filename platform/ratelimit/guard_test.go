package ratelimit_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/ratelimit"
)

var (
	errWrong = apperr.New(apperr.Unauthenticated, "wrong_password", "wrong")
	errDown  = errors.New("the database is away")
)

// signIns is a guard with its clock.
type signIns struct {
	*ratelimit.Guard
	clock *clock
	t     *testing.T
}

func newSignIns(t *testing.T) signIns {
	t.Helper()
	c := newClock()
	return signIns{ratelimit.NewGuard(ratelimit.NewMemory(10_000, c.Now), tenAMinute, c.Now), c, t}
}

// try makes an attempt that ends with the outcome, and reports whether it was
// admitted.
func (s signIns) try(name, address string, outcome error) bool {
	s.t.Helper()
	done, err := s.Admit(s.t.Context(), name, address)
	if err != nil {
		require.Equal(s.t, apperr.RateLimited, apperr.KindOf(err))
		require.Positive(s.t, apperr.From(err).RetryAfter)
		require.NotEmpty(s.t, apperr.From(err).Details["limit"])
		return false
	}
	done(outcome)
	return true
}

func ipv4(i int) string { return fmt.Sprintf("198.%d.%d.%d", 18+i>>16, i>>8&255, i&255) }

func TestGuard_OneNameFromManyAddressesIsGuessedSlowly(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	guesses := 0
	for minute := range 10 {
		for i := range 3000 {
			if s.try("alice", ipv4(minute*3000+i), errWrong) {
				guesses++
			}
		}
		s.clock.pass(time.Minute)
	}
	require.LessOrEqual(t, guesses, 3*(10+9*10), "three doors, ten each, filled again nine times")
	require.GreaterOrEqual(t, guesses, 10)
	require.True(t, s.try("bob", ipv4(1), nil), "another name is not touched")
}

func TestGuard_ManyNamesFromOneCustomersNetworkAreGuessedSlowly(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	guesses := 0
	for i := range 2000 {
		// A customer has 65,536 networks of the size that counts as one client.
		if s.try(fmt.Sprint("user", i), fmt.Sprintf("2001:db8:0:%x::1", i), errWrong) {
			guesses++
		}
	}
	require.Equal(t, 100, guesses)
	require.True(t, s.try("user1", "2001:db8:1::1", errWrong), "another customer")
}

func TestGuard_TheOwnerGetsInWhileTheNameIsGuessed(t *testing.T) {
	t.Parallel()
	attack := func(s signIns, networks int) {
		for range 5 {
			for i := range networks {
				s.try("alice", ipv4(i), errWrong)
			}
		}
	}
	t.Run("from an address where the name has signed in before", func(t *testing.T) {
		t.Parallel()
		s := newSignIns(t)
		require.True(t, s.try("alice", "192.0.2.1", nil))
		for range 5 {
			attack(s, 500)
			require.True(t, s.try("Alice", "192.0.2.1", nil))
			s.clock.pass(24 * time.Hour)
		}
	})
	t.Run("from the same network of IPv6", func(t *testing.T) {
		t.Parallel()
		s := newSignIns(t)
		require.True(t, s.try("alice", "2001:db8::1", nil))
		attack(s, 500)
		require.True(t, s.try("alice", "2001:db8::77", nil))
	})
	t.Run("from an address that nobody knows, once all who guess have erred", func(t *testing.T) {
		t.Parallel()
		s := newSignIns(t)
		for range 10 { // a hundred networks, ten of which get to their first guess in a minute
			attack(s, 100)
			require.False(t, s.try("alice", "203.0.113.9", nil), "that long it may take")
			s.clock.pass(time.Minute)
		}
		for minute := range 100 {
			attack(s, 100)
			require.True(t, s.try("alice", ipv4(100_000+minute), nil))
			s.clock.pass(time.Minute)
		}
	})
	t.Run("at once when few guess, and with two typing mistakes", func(t *testing.T) {
		t.Parallel()
		s := newSignIns(t)
		attack(s, 4)
		require.True(t, s.try("alice", "203.0.113.9", errWrong))
		require.True(t, s.try("alice", "203.0.113.9", errWrong))
		require.True(t, s.try("alice", "203.0.113.9", nil))
	})
}

func TestGuard_WhoGuessesFromAKnownAddressIsSlowedToo(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	require.True(t, s.try("alice", "192.0.2.1", nil))
	guesses := 0
	for range 100 {
		if s.try("alice", "192.0.2.1", errWrong) {
			guesses++
		}
	}
	require.Equal(t, 10, guesses)
}

func TestGuard_OnlyWrongPasswordsCount(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	for i := range 500 {
		require.True(t, s.try("alice", ipv4(i), nil))
		require.True(t, s.try("alice", ipv4(1000+i), errDown), "nobody has learned anything")
	}
	for range 10 {
		require.True(t, s.try("alice", ipv4(2000), errWrong))
	}
	// A good password does not wipe out the wrong ones.
	require.True(t, s.try("alice", ipv4(0), nil))
	for range 3 {
		require.True(t, s.try("alice", ipv4(2000), errWrong), "through the second door")
	}
	require.False(t, s.try("alice", ipv4(2000), errWrong))
}

func TestGuard_AllSpellingsOfANameAreOne(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	guesses := 0
	for i := range 100 {
		spelling := []string{"kiss@ü.de", "KISS@Ü.DE", "\u212Ai\u017Fs@ü.de", "k\u0130ss@u\u0308.de"}[i%4]
		if s.try(spelling, ipv4(i), errWrong) {
			guesses++
		}
	}
	require.Equal(t, 20, guesses)
}

// Many at once are no way around it: each is charged before it is checked.
func TestGuard_GuessesThatAreUnderWayCount(t *testing.T) {
	t.Parallel()
	s := newSignIns(t)
	var pending []func(error)
	for i := range 1000 {
		if done, err := s.Admit(t.Context(), "alice", ipv4(i)); err == nil {
			pending = append(pending, done)
		}
	}
	require.Len(t, pending, 20)
	for _, done := range pending {
		done(nil)
	}
	require.True(t, s.try("alice", ipv4(5000), errWrong), "none of them was wrong")
}

func TestClientID(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.1":                  "192.0.2.1",
		"::ffff:192.0.2.1":           "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":       "2001:db8:1:2::/64",
		"2001:db8:1:2::":             "2001:db8:1:2::/64",
		"fe80::1%eth0":               "fe80::/64",
		"":                           "unknown",
		"@":                          "unknown",
		"192.0.2.1:80":               "unknown",
		"2001:db8::1/64":             "unknown",
		"192.0.2.1\r\nX-Injected: 1": "unknown",
	} {
		require.Equal(t, want, ratelimit.ClientID(address), address)
	}
}
