package users_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
	"semantik/testworld"
)

const signingKey = "0123456789abcdef0123456789abcdef"

// abuser makes bad tokens out of a good one.
type abuser struct {
	t      *testing.T
	good   string
	parts  []string
	header map[string]any
	claims jwt.MapClaims
}

func newAbuser(t *testing.T, good string) abuser {
	t.Helper()
	parsed, _, err := jwt.NewParser().ParseUnverified(good, jwt.MapClaims{})
	require.NoError(t, err)
	claims, ok := parsed.Claims.(jwt.MapClaims)
	require.True(t, ok)
	return abuser{t, good, strings.Split(good, "."), parsed.Header, claims}
}

// sign signs the claims, changed, in any way.
func (a abuser) sign(method jwt.SigningMethod, with any, change func(jwt.MapClaims)) string {
	a.t.Helper()
	changed := maps.Clone(a.claims)
	change(changed)
	token := jwt.NewWithClaims(method, changed)
	if kid, ok := a.header["kid"]; ok {
		token.Header["kid"] = kid
	}
	signed, err := token.SignedString(with)
	require.NoError(a.t, err)
	return "Bearer " + signed
}

// with signs as we do, with one claim changed or, when it is nil, left out.
func (a abuser) with(name string, value any) string {
	a.t.Helper()
	return a.sign(jwt.SigningMethodHS256, []byte(signingKey), func(c jwt.MapClaims) {
		if c[name] = value; value == nil {
			delete(c, name)
		}
	})
}

func (a abuser) unsigned(alg string) string {
	return "Bearer " + base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"`+alg+`"}`)) + "." + a.parts[1] + "."
}

// headers are such as are no good token.
func (a abuser) headers() map[string]string {
	flipped := "A"
	if strings.HasPrefix(a.parts[2], "A") {
		flipped = "B"
	}
	return map[string]string{
		"nothing":                "",
		"Bearer alone":           "Bearer",
		"Bearer and a space":     "Bearer ",
		"Basic":                  "Basic cm9vdDpyb290",
		"two tokens":             "Bearer " + a.good + " " + a.good,
		"no scheme":              a.good,
		"no token":               "Bearer not-a-token-at-all-really",
		"two parts":              "Bearer " + a.parts[0] + "." + a.parts[1],
		"four parts":             "Bearer " + a.good + ".x",
		"another signature":      "Bearer " + a.parts[0] + "." + a.parts[1] + "." + flipped + a.parts[2][1:],
		"no signature":           "Bearer " + a.parts[0] + "." + a.parts[1] + ".",
		"other claims, old seal": "Bearer " + a.parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root","user_id":1,"exp":99999999999,"type":"access"}`)) + "." + a.parts[2],
		"no JSON":                "Bearer " + base64.RawURLEncoding.EncodeToString([]byte("{")) + "." + a.parts[1] + "." + a.parts[2],
		"over-long":              "Bearer " + strings.Repeat("a", 50_000) + "." + a.parts[1] + "." + a.parts[2],
	}
}

// signatures are of other algorithms and other keys.
func (a abuser) signatures() map[string]string {
	a.t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(a.t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(a.t, err)
	same := func(jwt.MapClaims) {}
	return map[string]string{
		"signed by nobody":      a.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"signed by another key": a.sign(jwt.SigningMethodHS256, []byte("another key, which is long enough"), same),
		"signed with HS512":     a.sign(jwt.SigningMethodHS512, []byte(signingKey), same),
		"signed with RS256":     a.sign(jwt.SigningMethodRS256, rsaKey, same),
		"signed with ES256":     a.sign(jwt.SigningMethodES256, ecKey, same),
		"none":                  a.unsigned("none"),
		"None":                  a.unsigned("None"),
		"NONE":                  a.unsigned("NONE"),
		"nOnE":                  a.unsigned("nOnE"),
		"no algorithm":          a.unsigned(""),
	}
}

// contents are of our key, and say what no token of ours says.
func (a abuser) contents() map[string]string {
	a.t.Helper()
	const twice = `{"sub":"root","user_id":4711,"user_id":1,"exp":99999999999,"iat":1,"jti":"x","type":"access"}`
	return map[string]string{
		"expired":                    a.with("exp", time.Now().Add(-time.Minute).Unix()),
		"without an expiry":          a.with("exp", nil),
		"from the future":            a.with("iat", time.Now().Add(time.Hour).Unix()),
		"of another type":            a.with("type", "refresh"),
		"without a type":             a.with("type", nil),
		"without a user":             a.with("user_id", nil),
		"of a user who is not there": a.with("user_id", 4711),
		"of a user below 0":          a.with("user_id", -1),
		"a user who is a text":       a.with("user_id", "1 or 1=1"),
		"a user twice":               "Bearer " + forge(a.t, "", twice),
		"an algorithm twice":         "Bearer " + forge(a.t, `,"alg":"HS256"`, strings.Replace(twice, `"user_id":4711,`, "", 1)),
		"of another generation":      a.with("gen", 1),
		"longer than 8 KiB":          a.with("x", strings.Repeat("x", 8<<10)),
	}
}

func TestAuthenticate_EveryAbuseOfATokenIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("JWT_SECRET_KEY="+signingKey))
	good := w.Token(w.Root)
	a := newAbuser(t, good)
	bad := a.headers()
	maps.Copy(bad, a.signatures())
	maps.Copy(bad, a.contents())
	require.Greater(t, len(bad), 35)
	for name, token := range bad {
		t.Run(name, func(t *testing.T) {
			scenario := testworld.Scenario{Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusUnauthorized, Headers: map[string]string{"Authorization": token},
				HasNot: []string{`"username"`}}
			answer := w.In(t).Request(scenario)
			require.Equal(t, "Bearer", answer.Header.Get("WWW-Authenticate"))
		})
	}
	w.Request(testworld.Scenario{Token: "bearer   " + good, Method: http.MethodGet, URL: "/api/auth/me", Status: http.StatusOK})
	_, err := w.Users.Me(context.Background())
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
}

// forge signs a token with claims in whatever form, and a header with more members.
func forge(t *testing.T, header, claims string) string {
	t.Helper()
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"`+header+`}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(signingKey))
	require.NoError(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}
