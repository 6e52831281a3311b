package users

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// maxBody bounds what somebody who is not signed in may send.
const maxBody = 64 << 10

// Register adds the module's routes.
func Register(api huma.API, s *Service) {
	web.Register(api, huma.Operation{
		OperationID: "register", Method: http.MethodPost, Path: "/api/auth/register", Tags: []string{"auth"},
		Summary:       "Make an account",
		Description:   "The first account of all becomes superuser.",
		DefaultStatus: http.StatusCreated, Errors: []int{http.StatusForbidden, http.StatusConflict},
		Metadata: web.Limit("register"), MaxBodyBytes: maxBody,
	}, s.handleRegister)
	web.Register(api, huma.Operation{
		OperationID: "login", Method: http.MethodPost, Path: "/api/auth/login", Tags: []string{"auth"},
		Summary: "Sign in with name and password", Errors: []int{http.StatusUnauthorized},
		Metadata: web.Limit("login"), MaxBodyBytes: maxBody,
	}, s.handleLogin)
	web.Register(api, huma.Operation{
		OperationID: "me", Method: http.MethodGet, Path: "/api/auth/me", Tags: []string{"auth"},
		Summary: "Who am I", Security: web.Bearer(),
	}, s.handleMe)
	registerSessions(api, s)
	registerUsers(api, s)
	registerAPIKeys(api, s)
	registerPreferences(api, s)
	registerSettings(api, s)
}

type registerRequest struct{ Body registerBody }

type userAnswer struct{ Body userBody }

func (s *Service) handleRegister(ctx context.Context, in *registerRequest) (*userAnswer, error) {
	if err := web.CountAgainst(ctx, "register", strings.ToLower(in.Body.Username)); err != nil {
		return nil, err
	}
	u, err := s.Register(ctx, RegisterInput{
		Username: in.Body.Username, Email: in.Body.Email, Password: in.Body.Password, FullName: in.Body.FullName,
	})
	return &userAnswer{newUserBody(u)}, err
}

type loginRequest struct{ Body loginBody }

type tokenAnswer struct{ Body tokenBody }

func (s *Service) handleLogin(ctx context.Context, in *loginRequest) (*tokenAnswer, error) {
	pair, err := s.Login(ctx, in.Body.Username, in.Body.Password, clientInfo(ctx))
	return &tokenAnswer{newTokenBody(pair)}, err
}

func (s *Service) handleMe(ctx context.Context, _ *struct{}) (*userAnswer, error) {
	u, err := s.Me(ctx)
	return &userAnswer{newUserBody(u)}, err
}
