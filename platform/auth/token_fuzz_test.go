package auth_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// What is not signed by us is no token, whatever it is, and what is may say
// anything: it is read without harm, and what is let through says all that a token
// must say. Run it with
//
//	go test ./platform/auth -fuzz FuzzTokens -fuzztime 1m
func FuzzTokens(f *testing.F) {
	c := &clock{now: time.Date(2025, 7, 15, 10, 0, 0, 0, time.UTC)}
	tok, err := auth.NewTokens([]string{keyOne, keyTwo}, c.read, 30*time.Minute, 30*24*time.Hour)
	require.NoError(f, err)
	// The same in each of the processes that try.
	access := forgeText(f, `{"sub":"alice","user_id":1,"gen":3,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`)
	refresh, err := tok.SignRefresh(auth.RefreshClaims{Username: "alice", ID: "x", IssuedAt: c.now, ExpiresAt: c.now.Add(time.Hour)})
	require.NoError(f, err)
	for _, seed := range []string{
		access, refresh, "", "..", "a.b.c", strings.ToUpper(access), access + ".", strings.Repeat(".", 100),
		`{"alg":"none"}`, `{"sub":"alice","user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`,
		`{"sub":"alice","exp":99999999999,"iat":1,"jti":"x","type":"refresh"}`,
		`{"sub":"alice","user_id":1,"user_id":2,"exp":1e300,"iat":-1e300,"jti":"","type":"access","sid":"00000000-0000-4000-8000-000000000000","gen":9}`,
		`{"exp":"1","iat":[],"sub":{}}`, `[[[[`, "{\"sub\":\"\xff\"}", `{"exp":1.5e9,"iat":0.1}`, `{"alg":"HS256","alg":"none","kid":null}`,
	} {
		f.Add(seed, seed)
	}
	f.Fuzz(func(t *testing.T, text, header string) {
		// As it comes.
		if a, err := tok.ParseAccess(text); err == nil {
			require.Equal(t, access, text)
			require.EqualValues(t, 1, a.UserID)
		}
		if _, err := tok.ParseRefresh(text); err == nil {
			require.Equal(t, refresh, text)
		}
		// As if we had signed it.
		for _, signed := range []string{forgeText(t, text), forgeWith(t, header, text)} {
			if a, err := tok.ParseAccess(signed); err == nil {
				requireWhole(t, c, a.Username, a.ID, a.IssuedAt, a.ExpiresAt)
				require.Positive(t, a.UserID)
				require.GreaterOrEqual(t, a.Session.Generation, int64(0))
			} else {
				require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err))
			}
			if r, err := tok.ParseRefresh(signed); err == nil {
				requireWhole(t, c, r.Username, r.ID, r.IssuedAt, r.ExpiresAt)
			} else {
				require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err))
			}
		}
	})
}

func requireWhole(t *testing.T, c *clock, subject, id string, issued, expires time.Time) {
	t.Helper()
	require.NotEmpty(t, subject)
	require.NotEmpty(t, id)
	require.False(t, issued.After(c.now.Add(time.Minute)))
	require.True(t, expires.After(c.now))
}
