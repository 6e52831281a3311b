package testworld_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/testworld"
)

// guess signs in over HTTP from an address and gives the status.
func guess(t *testing.T, w *testworld.World, name, password, from string) int {
	t.Helper()
	return w.In(t).Send(testworld.Scenario{
		Method: http.MethodPost, URL: "/api/auth/login", Headers: map[string]string{"X-Forwarded-For": from},
		Body: map[string]any{"username": name, "password": password},
	}).Status
}

// tenAMinute is how many a limit of ten a minute has let through since then: those
// that were there, and those that have come back.
func tenAMinute(since time.Time) int { return 11 + int(time.Since(since)/(6*time.Second)) }

func TestLogin_OneNameFromManyAddressesIsSlowedAndItsOwnerGetsIn(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.RateLimits())
	w.User("alice")
	begun := time.Now()
	require.Equal(t, http.StatusOK, guess(t, w, "alice", testworld.Password, "192.0.2.1"))

	attack := func(addresses, first int) (guesses int) {
		for i := range addresses {
			for range 3 {
				if guess(t, w, "alice", "a guess", fmt.Sprintf("198.18.%d.%d", (first+i)>>8, (first+i)&255)) == http.StatusUnauthorized {
					guesses++
				}
			}
		}
		return guesses
	}
	guesses := attack(4, 0)
	require.Equal(t, http.StatusOK, guess(t, w, "alice", testworld.Password, "192.0.2.1"), "at a known address")
	require.Equal(t, http.StatusOK, guess(t, w, "Alice", testworld.Password, "203.0.113.1"), "at one that nobody knows")
	guesses += attack(100, 1000)
	require.Equal(t, http.StatusOK, guess(t, w, "alice", testworld.Password, "192.0.2.1"), "and known addresses always")
	require.LessOrEqual(t, guesses, 3*tenAMinute(begun), "of 312")
	require.GreaterOrEqual(t, guesses, 10)
	require.Equal(t, http.StatusOK, guess(t, w, "root", testworld.Password, "198.18.3.232"), "other names are not touched")
}

func TestLogin_ManyNamesFromOneAddressAreSlowed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.RateLimits())
	begun := time.Now()
	statuses := map[int]int{}
	for i := range 60 {
		// A host has as many addresses of IPv6 as it likes.
		statuses[guess(t, w, fmt.Sprintf("user_%d", i), "a guess", fmt.Sprintf("2001:db8::%x", i))]++
	}
	require.LessOrEqual(t, statuses[http.StatusUnauthorized], tenAMinute(begun))
	require.Equal(t, 60, statuses[http.StatusUnauthorized]+statuses[http.StatusTooManyRequests])
	require.Equal(t, http.StatusOK, guess(t, w, "root", testworld.Password, "2001:db8:1::1"))
}

// Everybody who asks is told how the limit stands: by the answer to each route
// of the API that counts, refused or not.
func TestLimits_EachRouteThatCountsSaysSo(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.RateLimits())
	seen := 0
	for path, item := range w.Server.API().OpenAPI().Paths {
		for method, operation := range map[string]*huma.Operation{
			http.MethodGet: item.Get, http.MethodPost: item.Post, http.MethodPut: item.Put, http.MethodPatch: item.Patch, http.MethodDelete: item.Delete,
		} {
			if operation == nil {
				continue
			}
			a := w.Send(testworld.Scenario{Method: method, URL: strings.NewReplacer("{", "", "}", "").Replace(path), Headers: map[string]string{"X-Forwarded-For": "192.0.2.1"}})
			route := method + " " + path
			exempt := slices.ContainsFunc(testworld.ForEverybody, func(prefix string) bool { return strings.HasPrefix(route, prefix) })
			require.Equal(t, !exempt, a.Header.Get("X-Ratelimit-Limit") != "", route)
			seen++
		}
	}
	require.Greater(t, seen, 15)
}

func TestLimits_ThoseOfTheContract(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.RateLimits())
	alice := w.User("alice")
	token := "Bearer " + w.Token(alice)
	limit := func(method, path string, body any, from string) string {
		s := testworld.Scenario{Method: method, URL: path, Body: body, Headers: map[string]string{"X-Forwarded-For": from}}
		if !strings.HasPrefix(path, "/api/auth/login") && !strings.HasPrefix(path, "/api/auth/register") {
			s.Token = token
		}
		return w.Send(s).Header.Get("X-Ratelimit-Limit")
	}
	require.Equal(t, "1000", limit(http.MethodGet, "/api/v2/collections", nil, "192.0.2.1"))
	require.Equal(t, "120", limit(http.MethodPost, "/api/v2/search", map[string]any{}, "192.0.2.1"))
	require.Equal(t, "10", limit(http.MethodPost, "/api/auth/login", map[string]any{}, "192.0.2.2"))
	require.Equal(t, "10", limit(http.MethodPost, "/api/auth/register", map[string]any{}, "192.0.2.3"))
	require.Equal(t, "60", limit(http.MethodPost, "/api/v2/collections", map[string]any{}, "192.0.2.1"))
	require.Equal(t, "20", limit(http.MethodPost, "/api/v2/api-keys", map[string]any{}, "192.0.2.1"))

	for i := range 12 {
		status := w.Send(testworld.Scenario{
			Method: http.MethodPost, URL: "/api/auth/register", Headers: map[string]string{"X-Forwarded-For": fmt.Sprintf("192.0.2.%d", 100+i)},
			Body: map[string]any{"username": "alice", "email": "a@example.com", "password": testworld.Password},
		}).Status
		require.Equal(t, i < 10, status == http.StatusConflict, "one name from many addresses: %d is %d", i, status)
	}
	require.ErrorIs(t, second(w.Users.Login(t.Context(), "alice", "wrong", users.ClientInfo{Address: "192.0.2.1"})), users.ErrWrongPassword, "the service guards itself")
}
