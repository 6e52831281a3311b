package collections

import (
	"time"

	"github.com/google/uuid"
)

// Grant is a permission that was given to a user or to an API key: a row of the
// table collection_permissions, with the names of those that it speaks of.
type Grant struct {
	ID           int64
	CollectionID uuid.UUID
	Permission   Permission
	// UserID is whom it was given to; nil where that is an API key.
	UserID *int64
	// Username is the user's name, or that of the API key's owner.
	Username string
	// APIKeyID is the API key that it was given to; nil where that is a user.
	APIKeyID     *uuid.UUID
	APIKeyName   *string
	APIKeyPrefix *string
	// GrantedBy is who gave it; nil once they are gone, or where it was the
	// operator.
	GrantedBy     *int64
	GrantedByName *string
	CreatedAt     time.Time
}

// ParsePermission reads a permission that can be given; false if there is none
// such.
func ParsePermission(s string) (Permission, bool) {
	for _, p := range []Permission{Read, Write, Admin} {
		if p.String() == s {
			return p, true
		}
	}
	return None, false
}
