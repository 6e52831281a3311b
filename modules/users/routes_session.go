package users

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// registerSessions adds the routes of sessions that have begun.
func registerSessions(api huma.API, s *Service) {
	tags := []string{"auth"}
	for path, id := range map[string]string{"/api/auth/refresh": "refresh", "/auth/refresh": "refresh-alias"} {
		web.Register(api, huma.Operation{
			OperationID: id, Method: http.MethodPost, Path: path, Tags: tags,
			Summary: "Exchange a refresh token for new tokens",
			Description: "A refresh token is good once. One that was exchanged gets the same answer from the same client for a minute; " +
				"later it is refused, and from another client it ends the session. The token comes in the body or in the query, and no other is needed.",
			Errors:   []int{http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden},
			Metadata: web.Limit("refresh"), MaxBodyBytes: maxBody,
		}, s.handleRefresh)
	}
	web.Register(api, huma.Operation{
		OperationID: "logout", Method: http.MethodPost, Path: "/api/auth/logout", Tags: tags,
		Summary:     "Sign out",
		Description: "Ends the session of the access token, and that of the refresh token if one is given, in the body or in the query.",
		Security:    web.Bearer(), Errors: []int{http.StatusForbidden}, MaxBodyBytes: maxBody,
	}, s.handleLogout)
	web.Register(api, huma.Operation{
		OperationID: "change-password", Method: http.MethodPost, Path: "/api/auth/password", Tags: tags,
		Summary:     "Change one's password",
		Description: "Ends every session, this one included. In person: no API key may do it.",
		Security:    web.Bearer(), DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusForbidden, http.StatusTooManyRequests}, MaxBodyBytes: maxBody,
	}, s.handlePassword)
}

// refreshTokenRequest is a token in a body that may be absent, or in the query.
type refreshTokenRequest struct {
	RefreshToken string `query:"refresh_token" doc:"The refresh token, where the body does not have it."`
	Body         *refreshTokenBody
}

func (r refreshTokenRequest) token() string {
	if r.Body != nil && r.Body.RefreshToken != nil && *r.Body.RefreshToken != "" {
		return *r.Body.RefreshToken
	}
	return r.RefreshToken
}

func (s *Service) handleRefresh(ctx context.Context, in *refreshTokenRequest) (*tokenAnswer, error) {
	pair, err := s.Refresh(ctx, in.token(), clientInfo(ctx))
	return &tokenAnswer{newTokenBody(pair)}, err
}

type messageAnswer struct{ Body messageBody }

func (s *Service) handleLogout(ctx context.Context, in *refreshTokenRequest) (*messageAnswer, error) {
	err := s.Logout(ctx, in.token())
	return &messageAnswer{messageBody{Message: "Logged out successfully"}}, err
}

type passwordRequest struct{ Body passwordBody }

func (s *Service) handlePassword(ctx context.Context, in *passwordRequest) (*struct{}, error) {
	return nil, s.ChangePassword(ctx, in.Body.CurrentPassword, in.Body.NewPassword, clientInfo(ctx))
}

// clientInfo is where the request comes from.
func clientInfo(ctx context.Context) ClientInfo {
	client := web.ClientOf(ctx)
	return ClientInfo{Address: client.Addr, UserAgent: client.UserAgent}
}
