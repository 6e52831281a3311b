package auth_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

const (
	keyOne = "key one key one key one key one!"
	keyTwo = "key two key two key two key two!"
)

// clock is a time that tests move.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func tokens(t *testing.T, keys ...string) (*auth.Tokens, *clock) {
	t.Helper()
	c := &clock{now: time.Date(2025, 7, 15, 10, 0, 0, 123456789, time.UTC)}
	got, err := auth.NewTokens(keys, c.read, 30*time.Minute, 30*24*time.Hour)
	require.NoError(t, err)
	return got, c
}

func part(t *testing.T, token string, i int) map[string]any {
	t.Helper()
	data, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[i])
	require.NoError(t, err)
	var m map[string]any
	require.NoError(t, json.Unmarshal(data, &m))
	return m
}

// forge signs what it is told to, with any key.
func forge(t *testing.T, key string, header, claims map[string]any) string {
	t.Helper()
	encode := func(v any) string {
		data, err := json.Marshal(v)
		require.NoError(t, err)
		return base64.RawURLEncoding.EncodeToString(data)
	}
	text := encode(header) + "." + encode(claims)
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestTokens_accessClaims(t *testing.T) {
	t.Parallel()
	tok, c := tokens(t, keyOne)
	token, err := tok.IssueAccess("alice", 42, auth.Session{})
	require.NoError(t, err)
	require.True(t, auth.IsJWT(token))

	header, claims := part(t, token, 0), part(t, token, 1)
	require.Equal(t, "HS256", header["alg"])
	require.Regexp(t, `^[0-9a-f]{16}$`, header["kid"])
	require.ElementsMatch(t, []string{"sub", "user_id", "exp", "iat", "jti", "type"}, keysOf(claims))
	require.Equal(t, "alice", claims["sub"])
	require.EqualValues(t, 42, claims["user_id"])
	require.Equal(t, "access", claims["type"])
	require.EqualValues(t, c.now.Unix(), claims["iat"])
	require.EqualValues(t, c.now.Add(30*time.Minute).Unix(), claims["exp"])

	got, err := tok.ParseAccess(token)
	require.NoError(t, err)
	require.Equal(t, "alice", got.Username)
	require.EqualValues(t, 42, got.UserID)
	require.Equal(t, claims["jti"], got.ID)

	second, err := tok.IssueAccess("alice", 42, auth.Session{})
	require.NoError(t, err)
	require.NotEqual(t, token, second)
}

func TestTokens_refreshClaims(t *testing.T) {
	t.Parallel()
	tok, c := tokens(t, keyOne)
	token, id, expires, err := tok.IssueRefresh("alice")
	require.NoError(t, err)
	claims := part(t, token, 1)
	require.ElementsMatch(t, []string{"sub", "exp", "iat", "jti", "type"}, keysOf(claims))
	require.Equal(t, "refresh", claims["type"])
	require.Equal(t, id, claims["jti"])
	require.EqualValues(t, expires.Unix(), claims["exp"])
	require.Equal(t, c.now.Truncate(time.Second).Add(30*24*time.Hour), expires)

	got, err := tok.ParseRefresh(token)
	require.NoError(t, err)
	require.Equal(t, id, got.ID)
	again, err := tok.SignRefresh(got)
	require.NoError(t, err)
	require.Equal(t, token, again, "the same claims make the same token")
}

func TestTokens_expire(t *testing.T) {
	t.Parallel()
	tok, c := tokens(t, keyOne)
	token, err := tok.IssueAccess("alice", 1, auth.Session{})
	require.NoError(t, err)
	start := c.now.Truncate(time.Second)
	c.now = start.Add(30*time.Minute - time.Nanosecond)
	_, err = tok.ParseAccess(token)
	require.NoError(t, err)
	c.now = start.Add(30 * time.Minute)
	_, err = tok.ParseAccess(token)
	require.ErrorIs(t, err, auth.ErrTokenExpired)
	require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err))
}

func TestTokens_keysAreChangedWithoutEndingSessions(t *testing.T) {
	t.Parallel()
	before, _ := tokens(t, keyOne)
	during, _ := tokens(t, keyTwo, keyOne)
	after, _ := tokens(t, keyTwo)

	old, err := before.IssueAccess("alice", 1, auth.Session{})
	require.NoError(t, err)
	_, err = during.ParseAccess(old)
	require.NoError(t, err)
	_, err = after.ParseAccess(old)
	require.ErrorIs(t, err, auth.ErrTokenInvalid)

	young, err := during.IssueAccess("alice", 1, auth.Session{})
	require.NoError(t, err)
	_, err = after.ParseAccess(young)
	require.NoError(t, err, "the first key signs")
	_, err = before.ParseAccess(young)
	require.ErrorIs(t, err, auth.ErrTokenInvalid)
}

func TestTokens_ofTheFirstImplementationNameNoKey(t *testing.T) {
	t.Parallel()
	tok, c := tokens(t, keyTwo, keyOne)
	claims := map[string]any{"sub": "alice", "user_id": 1, "exp": c.now.Unix() + 60, "iat": c.now.Unix(), "jti": "j", "type": "access"}
	_, err := tok.ParseAccess(forge(t, keyOne, map[string]any{"alg": "HS256", "typ": "JWT"}, claims))
	require.NoError(t, err)
	_, err = tok.ParseAccess(forge(t, "some other key of thirty-two byte", map[string]any{"alg": "HS256", "typ": "JWT"}, claims))
	require.ErrorIs(t, err, auth.ErrTokenInvalid)
}

// forger changes one thing of a good token.
type forger struct {
	t            *testing.T
	tok          *auth.Tokens
	clock        *clock
	access       string
	header, good map[string]any
}

func newForger(t *testing.T) *forger {
	t.Helper()
	tok, c := tokens(t, keyOne)
	access, err := tok.IssueAccess("alice", 1, auth.Session{})
	require.NoError(t, err)
	return &forger{t: t, tok: tok, clock: c, access: access, header: part(t, access, 0), good: part(t, access, 1)}
}

// with gives a copy with another value, or without the key when it is nil.
func (*forger) with(base map[string]any, key string, value any) map[string]any {
	m := maps.Clone(base)
	if value == nil {
		delete(m, key)
	} else {
		m[key] = value
	}
	return m
}

func (f *forger) claims(key string, value any) string {
	return forge(f.t, keyOne, f.header, f.with(f.good, key, value))
}

func (f *forger) head(key string, value any) string {
	return forge(f.t, keyOne, f.with(f.header, key, value), f.good)
}

func TestTokens_refusesForeignAlgorithmsAndKeys(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	access, parts := f.access, strings.Split(f.access, ".")
	for name, token := range map[string]string{
		"nothing":                      "",
		"only dots":                    "..",
		"an API key":                   "smtk_00000000_" + strings.Repeat("a", 43),
		"not base64":                   "!.!.!",
		"two parts":                    parts[0] + "." + parts[1],
		"no signature":                 parts[0] + "." + parts[1] + ".",
		"another signature":            parts[0] + "." + parts[1] + "." + strings.Repeat("A", 43),
		"other claims, old signature":  parts[0] + "." + strings.Split(f.claims("user_id", 2), ".")[1] + "." + parts[2],
		"trailing bits":                access[:len(access)-1] + string(access[len(access)-1]+1),
		"padding":                      access + "=",
		"a line break":                 access + "\n",
		"alg none":                     f.head("alg", "none"),
		"alg None":                     f.head("alg", "None"),
		"alg none without a signature": strings.TrimRight(forge(t, keyOne, f.with(f.header, "alg", "none"), f.good), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"),
		"alg RS256":                    f.head("alg", "RS256"),
		"alg HS512":                    f.head("alg", "HS512"),
		"alg HS256 and none":           f.head("alg", []any{"HS256", "none"}),
		"alg hs256":                    f.head("alg", "hs256"),
		"no alg":                       f.head("alg", nil),
		"alg a number":                 f.head("alg", 256),
		"an unknown kid":               f.head("kid", "ffffffffffffffff"),
		"a kid that is no text":        f.head("kid", []any{"x"}),
		"a kid that is a path":         f.head("kid", "../../dev/null"),
	} {
		_, err := f.tok.ParseAccess(token)
		require.ErrorIs(t, err, auth.ErrTokenInvalid, name)
	}
}

func TestTokens_refusesWrongClaims(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	refresh, _, _, err := f.tok.IssueRefresh("alice")
	require.NoError(t, err)
	for name, token := range map[string]string{
		"a refresh token":              refresh,
		"no type":                      f.claims("type", nil),
		"type Access":                  f.claims("type", "Access"),
		"no subject":                   f.claims("sub", nil),
		"a subject that is no text":    f.claims("sub", 1),
		"no user id":                   f.claims("user_id", nil),
		"user id zero":                 f.claims("user_id", 0),
		"a negative user id":           f.claims("user_id", -1),
		"a user id that is text":       f.claims("user_id", "1"),
		"a user id that is a fraction": f.claims("user_id", 1.5),
		"no jti":                       f.claims("jti", nil),
		"no exp":                       f.claims("exp", nil),
		"exp that is null":             forgeText(t, `{"sub":"alice","user_id":1,"exp":null,"iat":1,"jti":"x","type":"access"}`),
		"exp that is text":             f.claims("exp", "tomorrow"),
		"no iat":                       f.claims("iat", nil),
		"iat in the future":            f.claims("iat", f.clock.now.Add(62*time.Second).Unix()),
		"signed with an empty key":     forge(t, "", f.with(f.header, "kid", nil), f.good),
		"longer than 8 KiB":            f.claims("padding", strings.Repeat("x", 8<<10)),
		"no claims":                    forgeText(t, ``),
		"claims that are null":         forgeText(t, `null`),
		"a user id twice":              forgeText(t, `{"sub":"alice","user_id":2,"user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`),
		"a user id in two cases":       forgeText(t, `{"sub":"alice","USER_ID":2,"user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`),
		"a user id in another s":       forgeText(t, `{"sub":"alice","uſer_id":2,"user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`),
		"a type twice":                 forgeText(t, `{"sub":"alice","user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"refresh","type":"access"}`),
		"two objects":                  forgeText(t, `{"sub":"alice","user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}{}`),
		"an algorithm twice":           forgeWith(t, `{"alg":"none","alg":"HS256"}`, `{"sub":"alice","user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`),
		"a generation below 0":         f.claims("gen", -1),
		"a generation that is text":    f.claims("gen", "0"),
		"a session that is no UUID":    f.claims("sid", "x"),
		"exp beyond all numbers":       forgeText(t, `{"sub":"alice","user_id":1,"exp":1e400,"iat":1,"jti":"x","type":"access"}`),
		"a user id beyond all numbers": forgeText(t, `{"sub":"alice","user_id":99999999999999999999,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`),
		"claims that are no object":    forgeText(t, `["sub"]`),
		"claims that are no JSON":      forgeText(t, `{"sub":`),
		"claims nested without an end": forgeText(t, strings.Repeat("[", 5000)),
		"a subject that is not UTF-8":  forgeText(t, "{\"sub\":\"\xff\"}"),
	} {
		_, err := f.tok.ParseAccess(token)
		require.ErrorIs(t, err, auth.ErrTokenInvalid, name)
	}
	_, err = f.tok.ParseRefresh(f.access)
	require.ErrorIs(t, err, auth.ErrTokenInvalid, "an access token is no refresh token")

	// What the table changes is what makes the difference.
	for name, token := range map[string]string{
		"forged the same": forge(t, keyOne, f.header, f.good), "as text": forgeText(t, `{"sub":"alice","user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`), "one more claim": f.claims("aud", "x"),
		"iat a little ahead": f.claims("iat", f.clock.now.Add(60*time.Second).Unix()),
	} {
		_, err := f.tok.ParseAccess(token)
		require.NoError(t, err, name)
	}
}

// forgeText signs claims that need not be JSON, and forgeWith a header as well.
func forgeText(t testing.TB, claims string) string {
	t.Helper()
	return forgeWith(t, `{"alg":"HS256"}`, claims)
}

func forgeWith(t testing.TB, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	mac := hmac.New(sha256.New, []byte(keyOne))
	mac.Write([]byte(text))
	return text + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestNewTokens_refuses(t *testing.T) {
	t.Parallel()
	for _, keys := range [][]string{nil, {""}, {"short"}, {keyOne, ""}, {strings.Repeat("k", 31)}} {
		_, err := auth.NewTokens(keys, time.Now, time.Minute, time.Hour)
		require.Error(t, err)
		if len(keys) > 0 && keys[0] != "" {
			require.NotContains(t, err.Error(), keys[0])
		}
	}
	_, err := auth.NewTokens([]string{keyOne}, time.Now, 0, time.Hour)
	require.Error(t, err)
}

func keysOf(m map[string]any) []string {
	return slices.Collect(maps.Keys(m))
}
