package auth_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
)

// Whatever algorithm a token names, whoever signed it, and whatever key it brings
// or points to: what is not HS256 with a key of ours is no token.
func TestTokens_AlgorithmsAreNotConfused(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	claims := jwt.MapClaims(f.good)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	ecKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	for name, signed := range map[string]struct {
		method jwt.SigningMethod
		key    any
	}{
		"RS256":                  {jwt.SigningMethodRS256, rsaKey},
		"PS256":                  {jwt.SigningMethodPS256, rsaKey},
		"ES256":                  {jwt.SigningMethodES256, ecKey},
		"EdDSA":                  {jwt.SigningMethodEdDSA, crypto.Signer(edKey)},
		"HS384 with our key":     {jwt.SigningMethodHS384, []byte(keyOne)},
		"HS512 with our key":     {jwt.SigningMethodHS512, []byte(keyOne)},
		"HS256 with no key":      {jwt.SigningMethodHS256, []byte{}},
		"HS256 with the key id":  {jwt.SigningMethodHS256, fmt.Append(nil, f.header["kid"])},
		"HS256, key of the next": {jwt.SigningMethodHS256, []byte(keyTwo)},
	} {
		for _, kid := range []any{f.header["kid"], nil} {
			token := jwt.NewWithClaims(signed.method, claims)
			if kid != nil {
				token.Header["kid"] = kid
			}
			// A key that the token brings is nobody's.
			token.Header["jwk"] = map[string]any{"kty": "oct", "k": base64.RawURLEncoding.EncodeToString([]byte(keyTwo))}
			token.Header["jku"] = "https://attacker.example/keys"
			text, err := token.SignedString(signed.key)
			require.NoError(t, err, name)
			_, err = f.tok.ParseAccess(text)
			require.ErrorIs(t, err, auth.ErrTokenInvalid, name)
		}
	}

	// The secret as if it were a public key: signed with it by HMAC, and said to be
	// of an algorithm that has public keys.
	for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "HS1", "HS128", "dir", ""} {
		_, err := f.tok.ParseAccess(f.head("alg", alg))
		require.ErrorIs(t, err, auth.ErrTokenInvalid, alg)
	}
}

func TestTokens_NoneIsNoAlgorithmHoweverItIsSpelled(t *testing.T) {
	t.Parallel()
	f := newForger(t)
	spellings := []string{"none ", " none", "none\x00", "nonе" /* a Cyrillic e */, "null", "None256", "unsigned"}
	for i := range 1 << len("none") {
		spelled := []byte("none")
		for j := range spelled {
			if i&(1<<j) != 0 {
				spelled[j] -= 'a' - 'A'
			}
		}
		spellings = append(spellings, string(spelled))
	}
	for _, alg := range spellings {
		signed := f.head("alg", alg)
		unsigned := signed[:strings.LastIndexByte(signed, '.')+1]
		for _, token := range []string{signed, unsigned, unsigned + "AA", strings.TrimSuffix(unsigned, ".")} {
			_, err := f.tok.ParseAccess(token)
			require.ErrorIs(t, err, auth.ErrTokenInvalid, "%q", alg)
			_, err = f.tok.ParseRefresh(token)
			require.ErrorIs(t, err, auth.ErrTokenInvalid, "%q", alg)
		}
	}
}
