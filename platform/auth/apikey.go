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
	// MinAPIKeyLength is the least length of an API key, in characters; anything
	// shorter need not be looked up.
	MinAPIKeyLength = 20
)

// GenerateAPIKey makes the secret of the API key with this id:
// smtk_<first 8 hex digits of the id>_<43 random characters, URL-safe>. The
// prefix (smtk_ and the digits) may be shown to tell keys apart; hash is what is
// stored. The secret is shown once.
func GenerateAPIKey(id uuid.UUID) (secret, prefix, hash string) {
	random := make([]byte, apiKeyBytes)
	_, _ = rand.Read(random) // never fails
	prefix = apiKeyPrefix + hex.EncodeToString(id[:4])
	secret = prefix + "_" + base64.RawURLEncoding.EncodeToString(random)
	return secret, prefix, HashToken(secret)
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
