package users

import (
	"github.com/google/uuid"

	"semantik/platform/web"
)

// apiKeyBody is an API key on the wire, without its secret.
type apiKeyBody struct {
	ID          web.UUID              `json:"id"`
	Name        string                `json:"name"`
	Prefix      string                `json:"prefix" doc:"The beginning of the key, by which you know it again."`
	IsActive    bool                  `json:"is_active" doc:"False once it was revoked."`
	Permissions apiKeyPermissionsBody `json:"permissions"`
	LastUsedAt  *web.Time             `json:"last_used_at" doc:"To the minute."`
	ExpiresAt   *web.Time             `json:"expires_at"`
	CreatedAt   web.Time              `json:"created_at"`
}

type apiKeyPermissionsBody struct {
	Scopes []string `json:"scopes" doc:"read, write, admin: none includes another."`
	// A pointer, since a slice that is nil becomes an empty list on the wire.
	Collections *[]web.UUID `json:"collections" nullable:"true" doc:"The only collections that there are for the key; null for all."`
}

func newAPIKeyBody(k APIKey) apiKeyBody {
	// What cannot be read allows nothing, and is shown so.
	allowed, _ := k.Allowed()
	body := apiKeyBody{
		ID: web.NewUUID(k.ID), Name: k.Name, Prefix: k.Prefix, IsActive: k.IsActive,
		Permissions: apiKeyPermissionsBody{Scopes: make([]string, len(allowed.Scopes)), Collections: newUUIDs(allowed.Collections)},
		LastUsedAt:  web.NewTimePointer(k.LastUsedAt), ExpiresAt: web.NewTimePointer(k.ExpiresAt), CreatedAt: web.NewTime(k.CreatedAt),
	}
	for i, s := range allowed.Scopes {
		body.Permissions.Scopes[i] = string(s)
	}
	return body
}

// newUUIDs keeps nil, which is not the same as none.
func newUUIDs(ids []uuid.UUID) *[]web.UUID {
	if ids == nil {
		return nil
	}
	found := make([]web.UUID, len(ids))
	for i, id := range ids {
		found[i] = web.NewUUID(id)
	}
	return &found
}

// createdAPIKeyBody has the secret, this once.
type createdAPIKeyBody struct {
	apiKeyBody
	APIKey string `json:"api_key" doc:"The key itself. It is shown this once and cannot be had again."`
}

// createAPIKeyBody is validated by [CreateAPIKeyInput.Validate], which names every
// wrong field at once. Members that are not known are refused: a misspelled bound
// would make a key without one.
type createAPIKeyBody struct {
	Name          string                       `json:"name" doc:"1 to 100 characters; unique among your keys, without regard to case."`
	ExpiresInDays *int                         `json:"expires_in_days,omitempty" nullable:"true" doc:"1 to 3650; 365 if absent or null."`
	Permissions   *createAPIKeyPermissionsBody `json:"permissions,omitempty"`
}

type createAPIKeyPermissionsBody struct {
	Scopes      []string `json:"scopes,omitempty" nullable:"true" doc:"One or more of read, write, admin; read and write if absent or null."`
	Collections []string `json:"collections,omitempty" nullable:"true" doc:"Ids of the only collections that there are for the key, 1 to 100; all if absent or null. An id that you may not see gives the key nothing."`
}

func (b createAPIKeyBody) input() CreateAPIKeyInput {
	in := CreateAPIKeyInput{Name: b.Name, ExpiresInDays: b.ExpiresInDays}
	if b.Permissions != nil {
		in.Scopes, in.Collections = b.Permissions.Scopes, b.Permissions.Collections
	}
	return in
}

type apiKeyListBody struct {
	APIKeys []apiKeyBody `json:"api_keys"`
	Total   int64        `json:"total" doc:"How many there are in all."`
}

type patchAPIKeyBody struct {
	IsActive bool `json:"is_active" doc:"False revokes the key, true takes that back."`
}
