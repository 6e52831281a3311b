package users

import (
	"semantik/platform/apperr"
	"semantik/platform/database"
)

// The module's errors. Their codes are part of the API.
var (
	// ErrNotFound means that there is no such user.
	ErrNotFound = apperr.New(apperr.NotFound, "user_not_found", "There is no such user.")

	// ErrUsernameTaken and ErrEmailTaken mean that somebody has it, in whatever
	// case.
	ErrUsernameTaken = apperr.New(apperr.Conflict, "username_taken", "This user name is taken. Choose another one.")
	ErrEmailTaken    = apperr.New(apperr.Conflict, "email_taken", "There is an account with this e-mail address already.")

	// ErrWrongPassword is the same whether the user or the password is wrong.
	ErrWrongPassword = apperr.New(apperr.Unauthenticated, "wrong_password", "Incorrect username or password")

	// ErrInactive means that the account was deactivated.
	ErrInactive = apperr.New(apperr.Forbidden, "user_inactive", "Inactive user")

	// ErrRegistrationClosed means that only an administrator makes accounts here.
	ErrRegistrationClosed = apperr.New(apperr.Forbidden, "registration_closed",
		"Registration is closed on this server. Ask its administrator for an account.")

	errUnknownToken = apperr.New(apperr.Unauthenticated, "token_invalid", "The token is not valid. Sign in again.")
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"ix_users_username": ErrUsernameTaken,
	"ix_users_email":    ErrEmailTaken,
}
