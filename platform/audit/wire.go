package audit

import (
	"encoding/json"
	"time"

	"semantik/platform/web"
)

// itemBody is an entry on the wire. Every key is always there.
type itemBody struct {
	ID         int64           `json:"id"`
	CreatedAt  web.Time        `json:"created_at"`
	Actor      string          `json:"actor" doc:"The name of the user as it was then, or system."`
	UserID     *int64          `json:"user_id"`
	APIKeyID   *web.UUID       `json:"api_key_id" doc:"The key that acted for the user."`
	Action     string          `json:"action" doc:"What was done, such as collection.delete."`
	ObjectType string          `json:"object_type"`
	ObjectID   *string         `json:"object_id"`
	Details    json.RawMessage `json:"details" doc:"What was before and after, where that is small."`
	IPAddress  *string         `json:"ip_address"`
	UserAgent  *string         `json:"user_agent"`
}

func newItemBody(i Item) itemBody {
	body := itemBody{
		ID: i.ID, CreatedAt: web.NewTime(i.CreatedAt), Actor: i.Actor, UserID: i.UserID,
		Action: i.Action, ObjectType: i.ObjectType, ObjectID: i.ObjectID, Details: i.Details,
		IPAddress: i.IPAddress, UserAgent: i.UserAgent,
	}
	if i.APIKeyID != nil {
		id := web.NewUUID(*i.APIKeyID)
		body.APIKeyID = &id
	}
	return body
}

type pageBody struct {
	Items []itemBody `json:"items"`
	Next  *string    `json:"next" doc:"Continues the list, as the parameter after; null at its end."`
}

func newPageBody(p Page) pageBody {
	body := pageBody{Items: make([]itemBody, len(p.Items))}
	for i, item := range p.Items {
		body.Items[i] = newItemBody(item)
	}
	if p.Next != nil {
		next := web.EncodeCursor(p.Next)
		body.Next = &next
	}
	return body
}

// instant is a parameter that knows whether it was sent: the year 1 is an instant
// like any other.
type instant struct {
	web.Time

	sent bool
}

// UnmarshalText reads any RFC 3339 instant.
func (i *instant) UnmarshalText(text []byte) error {
	i.sent = true
	return i.Time.UnmarshalText(text)
}

func (i *instant) pointer() *time.Time {
	if !i.sent {
		return nil
	}
	return &i.Time.Time
}
