package users

import "semantik/platform/web"

// userBody is a user on the wire.
type userBody struct {
	Username    string    `json:"username"`
	Email       string    `json:"email"`
	FullName    *string   `json:"full_name"`
	IsActive    bool      `json:"is_active"`
	IsSuperuser bool      `json:"is_superuser"`
	ID          int64     `json:"id"`
	CreatedAt   web.Time  `json:"created_at"`
	UpdatedAt   *web.Time `json:"updated_at"`
	LastLogin   *web.Time `json:"last_login"`
}

func newUserBody(u User) userBody {
	return userBody{
		Username: u.Username, Email: u.Email, FullName: u.FullName, IsActive: u.IsActive, IsSuperuser: u.IsSuperuser,
		ID: u.ID, CreatedAt: web.NewTime(u.CreatedAt), UpdatedAt: web.NewTimePointer(&u.UpdatedAt),
		LastLogin: web.NewTimePointer(u.LastLogin),
	}
}

// registerBody is validated by [RegisterInput.Validate], which names every wrong
// field at once.
type registerBody struct {
	_        struct{} `additionalProperties:"true"`
	Username string   `json:"username" doc:"3 to 64 of A-Z, a-z, 0-9 and _; compared without regard to case."`
	Email    string   `json:"email"`
	Password string   `json:"password" doc:"At least 8 characters."`
	FullName *string  `json:"full_name,omitempty"`
}

type loginBody struct {
	_        struct{} `additionalProperties:"true"`
	Username string   `json:"username" doc:"The user name, or the e-mail address."`
	Password string   `json:"password"`
}

type tokenBody struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	TokenType    string `json:"token_type" enum:"bearer"`
}

func newTokenBody(pair TokenPair) tokenBody {
	return tokenBody{AccessToken: pair.Access, RefreshToken: pair.Refresh, TokenType: "bearer"}
}

type refreshTokenBody struct {
	_            struct{} `additionalProperties:"true"`
	RefreshToken *string  `json:"refresh_token,omitempty"`
}

type messageBody struct {
	Message string `json:"message"`
}

type passwordBody struct {
	_               struct{} `additionalProperties:"true"`
	CurrentPassword string   `json:"current_password"`
	NewPassword     string   `json:"new_password" doc:"At least 8 characters, and none of those that are tried first."`
}

type userListBody struct {
	Users []userBody `json:"users"`
	web.PageInfo
}

// updateUserBody is validated by [UpdateInput.Validate]. Members that are not
// known are refused: one that looks as if it changed something must.
type updateUserBody struct {
	FullName    *string `json:"full_name,omitempty" doc:"An empty one removes it."`
	Email       *string `json:"email,omitempty"`
	IsActive    *bool   `json:"is_active,omitempty" doc:"For superusers to change."`
	IsSuperuser *bool   `json:"is_superuser,omitempty" doc:"For superusers to change."`
}
