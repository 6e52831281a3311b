package collections

import (
	"github.com/google/uuid"

	"semantik/platform/web"
)

// grantBody is a permission on the wire. Every key is always there.
type grantBody struct {
	ID            int64     `json:"id"`
	CollectionID  web.UUID  `json:"collection_id"`
	Permission    string    `json:"permission" enum:"read,write,admin"`
	UserID        *int64    `json:"user_id" doc:"Null where it is an API key's."`
	Username      string    `json:"username" doc:"Whose it is; of an API key, whose key it is."`
	APIKeyID      *web.UUID `json:"api_key_id" doc:"Null where it is a user's."`
	APIKeyName    *string   `json:"api_key_name"`
	APIKeyPrefix  *string   `json:"api_key_prefix" doc:"The key's beginning, by which its owner knows it."`
	GrantedBy     *int64    `json:"granted_by" doc:"The id of who gave it; null once they are gone."`
	GrantedByName *string   `json:"granted_by_username"`
	CreatedAt     web.Time  `json:"created_at"`
}

func newGrantBody(g Grant) grantBody {
	body := grantBody{
		ID: g.ID, CollectionID: web.NewUUID(g.CollectionID), Permission: g.Permission.String(), UserID: g.UserID, Username: g.Username,
		APIKeyName: g.APIKeyName, APIKeyPrefix: g.APIKeyPrefix, GrantedBy: g.GrantedBy, GrantedByName: g.GrantedByName,
		CreatedAt: web.NewTime(g.CreatedAt),
	}
	if g.APIKeyID != nil {
		id := web.NewUUID(*g.APIKeyID)
		body.APIKeyID = &id
	}
	return body
}

// shareBody is validated by [ShareInput.Validate]. Members that are not known are
// ignored.
type shareBody struct {
	_          struct{}  `additionalProperties:"true"`
	Username   *string   `json:"username,omitempty" doc:"In whatever case. Exactly one of username, user_id and api_key_id."`
	UserID     *int64    `json:"user_id,omitempty"`
	APIKeyID   *web.UUID `json:"api_key_id,omitempty"`
	Permission string    `json:"permission" doc:"read, write or admin."`
}

func (b shareBody) input() ShareInput {
	in := ShareInput{Username: b.Username, UserID: b.UserID, Permission: b.Permission}
	if b.APIKeyID != nil && b.APIKeyID.UUID != uuid.Nil {
		in.APIKeyID = &b.APIKeyID.UUID
	}
	return in
}

type levelBody struct {
	_          struct{} `additionalProperties:"true"`
	Permission string   `json:"permission" doc:"read, write or admin."`
}
