package users

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/platform/auth"
)

// Limits of API keys.
const (
	// MaxAPIKeyName is in characters.
	MaxAPIKeyName = 100
	// MaxActiveAPIKeys is how many of a user's keys may be in force at a time:
	// neither revoked nor expired.
	MaxActiveAPIKeys = 20
	// DefaultAPIKeyDays and MaxAPIKeyDays are how long a key lives.
	DefaultAPIKeyDays = 365
	MaxAPIKeyDays     = 3650
	// MaxAPIKeyCollections is to how many collections a key may be confined.
	MaxAPIKeyCollections = 100
)

// APIKey is a row of the table api_keys. The key itself is not stored.
type APIKey struct {
	ID     uuid.UUID `gorm:"primaryKey"`
	UserID int64
	// Name is unique among the user's keys, without regard to case.
	Name string
	// Prefix is the key's beginning, by which its owner knows it again.
	Prefix  string
	KeyHash string
	// Permissions is JSON; [APIKey.Allowed] reads it.
	Permissions json.RawMessage
	// IsActive is false once the key was revoked.
	IsActive   bool
	CreatedAt  time.Time `gorm:"autoCreateTime:false;default:now()"`
	ExpiresAt  *time.Time
	LastUsedAt *time.Time
	// RevokedAt is nil while it is active.
	RevokedAt *time.Time
}

// KeyPermissions are what an API key may be used for.
type KeyPermissions struct {
	Scopes []auth.Scope `json:"scopes"`
	// Collections are the only ones that there are for the key; nil for all.
	Collections []uuid.UUID `json:"collections"`
}

// noPermissions allow nothing, anywhere.
func noPermissions() KeyPermissions {
	return KeyPermissions{Scopes: []auth.Scope{}, Collections: []uuid.UUID{}}
}

// Allowed are the permissions of the key. What cannot be read to the last letter
// allows nothing, and the error says why.
func (k APIKey) Allowed() (KeyPermissions, error) { return readPermissions(k.Permissions) }

// readPermissions reads what is stored of a key's permissions. It was written by
// us, or by somebody's hand; a member that is not known may be a misspelled bound,
// and a key without its bound would reach too far.
func readPermissions(stored []byte) (KeyPermissions, error) {
	decoder := json.NewDecoder(bytes.NewReader(stored))
	decoder.DisallowUnknownFields()
	var p KeyPermissions
	if err := decoder.Decode(&p); err != nil {
		return noPermissions(), fmt.Errorf("reading the permissions of an API key: %w", err)
	}
	for _, scope := range p.Scopes {
		if !scope.Known() {
			return noPermissions(), fmt.Errorf("reading the permissions of an API key: %q is no scope", scope)
		}
	}
	if p.Scopes == nil {
		p.Scopes = []auth.Scope{}
	}
	return p, nil
}
