package users

import (
	"time"

	"github.com/google/uuid"
)

// Limits of a user's fields, in characters.
const (
	MinUsername = 3
	MaxUsername = 64
	MaxEmail    = 254
	MaxFullName = 255
	MinPassword = 8
	// maxLoginBytes is the length of the longest e-mail address, in the characters
	// that take the most bytes.
	maxLoginBytes = MaxEmail * 4
)

// User is a row of the table users.
type User struct {
	ID             int64
	Username       string
	Email          string
	FullName       *string
	HashedPassword string
	IsActive       bool
	IsSuperuser    bool
	CreatedAt      time.Time `gorm:"autoCreateTime:false;default:now()"`
	UpdatedAt      time.Time `gorm:"autoUpdateTime:false;default:now()"`
	LastLogin      *time.Time
	// SessionGeneration is how often all sessions of the user have been ended at
	// once. An access token of another generation is refused.
	SessionGeneration int64
}

// RefreshToken is a row of the table refresh_tokens. The token itself is not
// stored.
type RefreshToken struct {
	// ID is the token's jti.
	ID        uuid.UUID `gorm:"primaryKey"`
	UserID    int64
	TokenHash string
	// Family is the same for all tokens that one login has led to.
	Family        uuid.UUID
	ClientAddress *string
	UserAgent     *string
	CreatedAt     time.Time `gorm:"autoCreateTime:false;default:now()"`
	ExpiresAt     time.Time
	// LastUsedAt is when it was last exchanged, or presented in vain and noted.
	LastUsedAt *time.Time
	// RevokedAt is from when on it is good for nothing. With ReplacedBy it was
	// exchanged for that one.
	RevokedAt  *time.Time
	ReplacedBy *uuid.UUID
}
