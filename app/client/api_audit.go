package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// AuditEntry is what somebody did.
type AuditEntry struct {
	CreatedAt  time.Time       `json:"created_at"`
	Actor      string          `json:"actor"`
	APIKeyID   *string         `json:"api_key_id"`
	Action     string          `json:"action"`
	ObjectType string          `json:"object_type"`
	ObjectID   *string         `json:"object_id"`
	Details    json.RawMessage `json:"details"`
	IPAddress  *string         `json:"ip_address"`
}

// AuditFilter says which entries are wanted. What is empty does not matter.
type AuditFilter struct {
	Actor, APIKeyID, Action, ObjectType, ObjectID string
	Since, Until                                  time.Time
	// Limit bounds how many there are.
	Limit int
}

// maxAuditPage is the most that the server gives at once.
const maxAuditPage = 1000

func (f AuditFilter) values() url.Values {
	values := url.Values{"page_size": {strconv.Itoa(min(f.Limit, maxAuditPage))}}
	set := func(name, value string) {
		if value != "" {
			values.Set(name, value)
		}
	}
	set("actor", f.Actor)
	set("api_key_id", f.APIKeyID)
	set("action", f.Action)
	set("object_type", f.ObjectType)
	set("object_id", f.ObjectID)
	if !f.Since.IsZero() {
		set("since", f.Since.UTC().Format(time.RFC3339Nano))
	}
	if !f.Until.IsZero() {
		set("until", f.Until.UTC().Format(time.RFC3339Nano))
	}
	return values
}

// AuditLog reads the audit log, newest first.
func (c *Client) AuditLog(ctx context.Context, f AuditFilter) iter.Seq2[Listed[AuditEntry], error] {
	return func(yield func(Listed[AuditEntry], error) bool) {
		values := f.values()
		for left := f.Limit; left > 0; {
			var answer struct {
				Items []Listed[AuditEntry] `json:"items"`
				Next  *string              `json:"next"`
			}
			if err := c.get(ctx, "/api/v2/audit-log", values, &answer); err != nil {
				yield(Listed[AuditEntry]{}, err)
				return
			}
			for _, item := range answer.Items[:min(left, len(answer.Items))] {
				if !yield(item, nil) {
					return
				}
			}
			left -= len(answer.Items)
			if answer.Next == nil || len(answer.Items) == 0 {
				return
			}
			values.Set("after", *answer.Next)
		}
	}
}
