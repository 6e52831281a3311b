package client

import (
	"context"
	"net/http"
)

// Tokens are what a sign-in gives.
type Tokens struct {
	// Access goes with each request, for as long as it lives.
	Access string `json:"access_token"`
	// Refresh is exchanged for the next pair, once.
	Refresh string `json:"refresh_token"`
}

// User is an account.
type User struct {
	ID       int64  `json:"id"`
	Username string `json:"username"`
	// IsSuperuser is set for a superuser who acts in person.
	IsSuperuser bool `json:"is_superuser"`
}

// Login signs in with a name and a password.
func (c *Client) Login(ctx context.Context, username, password string) (Tokens, error) {
	return c.tokens(ctx, "/api/auth/login", map[string]string{"username": username, "password": password})
}

// Refresh exchanges a refresh token for the next pair. Asked again within a
// minute, as when the answer was lost, the server gives the same one.
func (c *Client) Refresh(ctx context.Context, refresh string) (Tokens, error) {
	return c.tokens(ctx, "/api/auth/refresh", map[string]string{"refresh_token": refresh})
}

func (c *Client) tokens(ctx context.Context, path string, body map[string]string) (Tokens, error) {
	k, err := call{method: http.MethodPost, path: path, repeatable: true, anonymous: true}.jsonBody(body)
	if err != nil {
		return Tokens{}, err
	}
	var answer Tokens
	return answer, c.do(ctx, k, &answer)
}

// Logout ends the session that the token belongs to.
func (c *Client) Logout(ctx context.Context) error {
	k, err := call{method: http.MethodPost, path: "/api/auth/logout", repeatable: true}.jsonBody(map[string]any{})
	if err != nil {
		return err
	}
	return c.do(ctx, k, nil)
}

// Me is the user that the token speaks for.
func (c *Client) Me(ctx context.Context) (User, error) {
	var answer User
	return answer, c.get(ctx, "/api/auth/me", nil, &answer)
}
