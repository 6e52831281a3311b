package users

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/database"
	"semantik/platform/web"
)

// registerUsers adds the routes of accounts.
func registerUsers(api huma.API, s *Service) {
	tags := []string{"users"}
	web.Register(api, huma.Operation{
		OperationID: "list-users", Method: http.MethodGet, Path: "/api/v2/users", Tags: tags,
		Summary: "List the users", Description: "By name. For superusers.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden},
	}, s.handleListUsers)
	web.Register(api, huma.Operation{
		OperationID: "get-user", Method: http.MethodGet, Path: "/api/v2/users/{user_id}", Tags: tags,
		Summary: "Read an account", Description: "One's own, or for a superuser anybody's.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound},
	}, s.handleGetUser)
	web.Register(api, huma.Operation{
		OperationID: "update-user", Method: http.MethodPatch, Path: "/api/v2/users/{user_id}", Tags: tags,
		Summary: "Change an account",
		Description: "One's own, or for a superuser anybody's. What is absent or null stays as it is. Whether an account is active, and a superuser's, " +
			"only superusers change; to deactivate it ends its sessions at once. In person: no API key may do it.",
		Security: web.Bearer(), Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict},
	}, s.handleUpdateUser)
	web.Register(api, huma.Operation{
		OperationID: "delete-user", Method: http.MethodDelete, Path: "/api/v2/users/{user_id}", Tags: tags,
		Summary: "Delete an account",
		Description: "For good, with its sessions, its API keys and the rights it was given. " +
			"Where the user owns collections, say what becomes of them: transfer_to or delete_collections. For superusers.",
		Security: web.Bearer(), DefaultStatus: http.StatusNoContent,
		Errors: []int{http.StatusForbidden, http.StatusNotFound, http.StatusConflict, http.StatusUnprocessableEntity},
	}, s.handleDeleteUser)
}

type listUsersRequest struct {
	web.Page
	Q string `query:"q" maxLength:"254" doc:"Only those who have this in their name, full name or e-mail address."`
}

type userListAnswer struct{ Body userListBody }

func (s *Service) handleListUsers(ctx context.Context, in *listUsersRequest) (*userListAnswer, error) {
	found, total, err := s.List(ctx, in.Q, database.Page{Offset: in.Offset(), Limit: in.Size()})
	if err != nil {
		return nil, err
	}
	body := userListBody{Users: make([]userBody, len(found)), PageInfo: in.Info(total)}
	for i, u := range found {
		body.Users[i] = newUserBody(u)
	}
	return &userListAnswer{body}, nil
}

type getUserRequest struct {
	UserID int64 `path:"user_id" minimum:"1"`
}

func (s *Service) handleGetUser(ctx context.Context, in *getUserRequest) (*userAnswer, error) {
	u, err := s.Get(ctx, in.UserID)
	return &userAnswer{newUserBody(u)}, err
}

type updateUserRequest struct {
	UserID int64 `path:"user_id" minimum:"1"`
	Body   updateUserBody
}

func (s *Service) handleUpdateUser(ctx context.Context, in *updateUserRequest) (*userAnswer, error) {
	u, err := s.Update(ctx, in.UserID, UpdateInput{
		FullName: in.Body.FullName, Email: in.Body.Email, IsActive: in.Body.IsActive, IsSuperuser: in.Body.IsSuperuser,
	})
	return &userAnswer{newUserBody(u)}, err
}

type deleteUserRequest struct {
	UserID            int64  `path:"user_id" minimum:"1"`
	TransferTo        string `query:"transfer_to" maxLength:"64" doc:"The name of the user who gets the collections."`
	DeleteCollections bool   `query:"delete_collections" doc:"Delete the collections too."`
}

func (s *Service) handleDeleteUser(ctx context.Context, in *deleteUserRequest) (*struct{}, error) {
	return nil, s.Delete(ctx, in.UserID, DeleteInput{TransferTo: in.TransferTo, DeleteCollections: in.DeleteCollections})
}
