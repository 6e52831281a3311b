package auth

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
)

const (
	apiKeyPrefix = "smtk_"
	apiKeyBytes  = 32
	// apiKeyIDDigits of the id's hex digits stand in the key, so that its owner
	// knows it again.
	apiKeyIDDigits = 8
)

// GenerateAPIKey makes the secret of the API key with this id:
// smtk_<first 8 hex digits of the id>_<43 random characters, URL-safe>. The
// prefix (smtk_ and the digits) may be shown to tell keys apart; hash is what is
// stored. The secret is shown once.
func GenerateAPIKey(id uuid.UUID) (secret, prefix, hash string) {
	random := make([]byte, apiKeyBytes)
	_, _ = rand.Read(random) // never fails
	prefix = apiKeyPrefix + hex.EncodeToString(id[:apiKeyIDDigits/2])
	secret = prefix + "_" + base64.RawURLEncoding.EncodeToString(random)
	return secret, prefix, HashToken(secret)
}

// HashAPIKey gives the form in which an API key is looked up; false for what no
// [GenerateAPIKey] has made, which then costs nobody a look into the database.
func HashAPIKey(secret string) (hash string, ok bool) {
	rest, ok := strings.CutPrefix(secret, apiKeyPrefix)
	if !ok {
		return "", false
	}
	id, random, _ := strings.Cut(rest, "_")
	if len(id) != apiKeyIDDigits || strings.ContainsFunc(id, notHex) ||
		len(random) != base64.RawURLEncoding.EncodedLen(apiKeyBytes) || strings.ContainsFunc(random, notURLSafe) {
		return "", false
	}
	return HashToken(secret), true
}

func notHex(r rune) bool { return (r < '0' || r > '9') && (r < 'a' || r > 'f') }

func notURLSafe(r rune) bool {
	return (r < 'A' || r > 'Z') && (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_'
}

// HashToken is the form in which an API key or a refresh token is stored and
// looked up: its SHA-256 in lower-case hex.
func HashToken(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}

// IsJWT tells the two kinds of bearer token apart: one with exactly two dots is
// a JSON Web Token, any other an API key.
func IsJWT(token string) bool { return strings.Count(token, ".") == 2 }
