package audit

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Item is a row of the table audit_log.
type Item struct {
	ID        int64
	CreatedAt time.Time
	// Actor is the user's name as it was then, or [System].
	Actor      string
	UserID     *int64
	APIKeyID   *uuid.UUID // the key that acted for the user
	Action     string
	ObjectType string
	ObjectID   *string
	Details    json.RawMessage
	IPAddress  *string
	UserAgent  *string
}

// Key is a position in the list of entries: after the entry with this instant and
// id.
type Key struct {
	CreatedAt time.Time `json:"t"`
	ID        int64     `json:"id"`
}

// Page is a part of the list. Next continues it; nil at its end.
type Page struct {
	Items []Item
	Next  *Key
}
