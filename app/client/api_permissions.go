package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Permission is what somebody may do with a collection that is shared with them.
type Permission struct {
	ID           int64     `json:"id"`
	Permission   string    `json:"permission"`
	UserID       *int64    `json:"user_id"`
	Username     string    `json:"username"`
	APIKeyID     *string   `json:"api_key_id"`
	APIKeyName   *string   `json:"api_key_name"`
	APIKeyPrefix *string   `json:"api_key_prefix"`
	GrantedBy    *string   `json:"granted_by_username"`
	CreatedAt    time.Time `json:"created_at"`
}

// Grantee is with whom a collection is shared: a user by name, or an API key by
// id.
type Grantee struct {
	Username string `json:"username,omitempty"`
	APIKeyID string `json:"api_key_id,omitempty"`
}

func permissionsPath(collectionID string) string {
	return "/api/v2/collections/" + url.PathEscape(collectionID) + "/permissions"
}

// Permissions lists with whom a collection is shared.
func (c *Client) Permissions(ctx context.Context, collectionID string) iter.Seq2[Listed[Permission], error] {
	return windows(func(window url.Values) ([]Listed[Permission], int64, error) {
		var answer struct {
			Items []Listed[Permission] `json:"items"`
			Total int64                `json:"total"`
		}
		err := c.get(ctx, permissionsPath(collectionID), window, &answer)
		return answer.Items, answer.Total, err
	})
}

// Share shares a collection: read, write or admin.
func (c *Client) Share(ctx context.Context, collectionID string, with Grantee, permission string) (Listed[Permission], error) {
	k, err := call{method: http.MethodPost, path: permissionsPath(collectionID)}.jsonBody(struct {
		Grantee

		Permission string `json:"permission"`
	}{with, permission})
	if err != nil {
		return Listed[Permission]{}, err
	}
	var answer Listed[Permission]
	return answer, c.do(ctx, k, &answer)
}

// ChangePermission changes what somebody may do with a collection.
func (c *Client) ChangePermission(ctx context.Context, collectionID string, id int64, permission string) (Listed[Permission], error) {
	k, err := call{method: http.MethodPatch, path: permissionsPath(collectionID) + "/" + strconv.FormatInt(id, 10), repeatable: true}.
		jsonBody(map[string]string{"permission": permission})
	if err != nil {
		return Listed[Permission]{}, err
	}
	var answer Listed[Permission]
	return answer, c.do(ctx, k, &answer)
}

// Unshare takes a permission away.
func (c *Client) Unshare(ctx context.Context, collectionID string, id int64) error {
	return c.do(ctx, call{method: http.MethodDelete, path: permissionsPath(collectionID) + "/" + strconv.FormatInt(id, 10)}, nil)
}

// windows reads a list by offset and limit, for as long as it is asked for more.
func windows[T any](read func(window url.Values) ([]T, int64, error)) iter.Seq2[T, error] {
	return pages(func(page url.Values) ([]T, int64, error) {
		n, err := strconv.Atoi(page.Get("page"))
		if err != nil {
			return nil, 0, err
		}
		return read(url.Values{"offset": {strconv.Itoa((n - 1) * perPage)}, "limit": {strconv.Itoa(perPage)}})
	})
}
