package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// APIKey is an API key without its secret.
type APIKey struct {
	ID          string            `json:"id"`
	Name        string            `json:"name"`
	Prefix      string            `json:"prefix"`
	IsActive    bool              `json:"is_active"`
	Permissions APIKeyPermissions `json:"permissions"`
	LastUsedAt  *time.Time        `json:"last_used_at"`
	ExpiresAt   *time.Time        `json:"expires_at"`
}

// APIKeyPermissions are what a key may be used for.
type APIKeyPermissions struct {
	// Scopes are read, write and admin, or some of them.
	Scopes []string `json:"scopes,omitempty"`
	// Collections are the ids of the only ones that there are for the key; nil for
	// all.
	Collections []string `json:"collections,omitempty"`
}

// NewAPIKey says what a key is made from. What is empty is the server's default.
type NewAPIKey struct {
	Name          string            `json:"name"`
	ExpiresInDays int               `json:"expires_in_days,omitempty"`
	Permissions   APIKeyPermissions `json:"permissions"`
}

const apiKeysPath = "/api/v2/api-keys" //nolint:gosec // a path

// CreateAPIKey makes an API key and gives its secret, which cannot be had again.
func (c *Client) CreateAPIKey(ctx context.Context, in NewAPIKey) (Listed[APIKey], string, error) {
	k, err := call{method: http.MethodPost, path: apiKeysPath}.jsonBody(in)
	if err != nil {
		return Listed[APIKey]{}, "", err
	}
	var answer Listed[struct {
		APIKey

		Secret string `json:"api_key"`
	}]
	err = c.do(ctx, k, &answer)
	return Listed[APIKey]{answer.Value.APIKey, answer.Raw}, answer.Value.Secret, err
}

// APIKeys lists the user's API keys, newest first, those that are out of force too.
func (c *Client) APIKeys(ctx context.Context) iter.Seq2[Listed[APIKey], error] {
	return pages(func(page url.Values) ([]Listed[APIKey], int64, error) {
		var answer struct {
			APIKeys []Listed[APIKey] `json:"api_keys"`
			Total   int64            `json:"total"`
		}
		err := c.get(ctx, apiKeysPath, page, &answer)
		return answer.APIKeys, answer.Total, err
	})
}

// SetAPIKeyActive revokes an API key, or takes that back.
func (c *Client) SetAPIKeyActive(ctx context.Context, id string, active bool) (Listed[APIKey], error) {
	k, err := call{method: http.MethodPatch, path: apiKeysPath + "/" + url.PathEscape(id), repeatable: true}.
		jsonBody(map[string]bool{"is_active": active})
	if err != nil {
		return Listed[APIKey]{}, err
	}
	var answer Listed[APIKey]
	return answer, c.do(ctx, k, &answer)
}
