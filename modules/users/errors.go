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

	// ErrSessionEnded means that all sessions of the user were ended since the token
	// was given out: the password was changed, say.
	ErrSessionEnded = apperr.New(apperr.Unauthenticated, "session_ended", "This session has ended. Sign in again.")

	// ErrRefreshTokenMissing, ErrRefreshTokenInvalid and ErrRefreshTokenOrphan are
	// for a refresh without a token, with one that is good for nothing (any more),
	// and with one whose user is gone.
	ErrRefreshTokenMissing = apperr.New(apperr.Malformed, "refresh_token_missing", "Missing refresh token")
	ErrRefreshTokenInvalid = apperr.New(apperr.Unauthenticated, "refresh_token_invalid", "Invalid refresh token")
	ErrRefreshTokenOrphan  = apperr.New(apperr.Unauthenticated, "refresh_token_orphan", "User not found")

	// ErrCurrentPassword means that the current password is another one.
	ErrCurrentPassword = apperr.New(apperr.Unauthenticated, "current_password_wrong", "The current password is not right. Nothing was changed.")

	// ErrLastSuperuser means that nobody would be left who may do everything.
	ErrLastSuperuser = apperr.New(apperr.Conflict, "last_superuser",
		"This is the last active superuser. Make somebody else superuser first.")

	// ErrOwnsCollections means that it has to be said what becomes of a user's
	// collections.
	ErrOwnsCollections = apperr.New(apperr.Conflict, "user_owns_collections",
		"The user owns collections. Say what becomes of them: transfer_to=<user name> or delete_collections=true.")

	// ErrHeirUnknown means that there is nobody of the name that collections shall
	// go to.
	ErrHeirUnknown = apperr.New(apperr.NotFound, "user_not_found", "There is no user of this name to transfer the collections to.")

	errExists     = apperr.New(apperr.Conflict, "user_exists", "There is an account with this id already.")
	errInvalidRow = apperr.New(apperr.Invalid, "user_invalid", "A value of the account is not among those allowed.")

	// ErrUnknownAPIKey, ErrAPIKeyRevoked and ErrAPIKeyExpired are for an API key
	// that opens nothing. Who is told that a key was revoked has that very key.
	ErrUnknownAPIKey = apperr.New(apperr.Unauthenticated, "token_invalid", "The token is not valid. Sign in again, or use another API key.")
	ErrAPIKeyRevoked = apperr.New(apperr.Unauthenticated, "api_key_revoked", "The API key was revoked. Use another one.")
	ErrAPIKeyExpired = apperr.New(apperr.Unauthenticated, "api_key_expired", "The API key has expired. Make another one.")

	// ErrPreferencesSection means that the preferences have no such section.
	ErrPreferencesSection = apperr.New(apperr.NotFound, "preferences_section_not_found",
		"The preferences have no such section: it is search, collection-defaults or interface.")
	// ErrUnknownSetting means that the server has no such setting.
	ErrUnknownSetting = apperr.New(apperr.Malformed, "setting_unknown", "There is no such setting.")

	// ErrAPIKeyNotFound is the same for a key that does not exist and for another
	// user's.
	ErrAPIKeyNotFound = apperr.New(apperr.NotFound, "api_key_not_found", "You have no API key with this id.")
	// ErrAPIKeyNameTaken means that the user has a key of that name, in whatever
	// case, be it revoked or expired.
	ErrAPIKeyNameTaken = apperr.New(apperr.Conflict, "api_key_name_taken",
		"You have an API key with this name already, perhaps one that was revoked or has expired. Choose another name.")
	// ErrTooManyAPIKeys means that the user has as many keys in force as anybody
	// may have.
	ErrTooManyAPIKeys = apperr.Newf(apperr.Malformed, "api_key_limit",
		"You have %d active API keys, and nobody may have more. Revoke one first.", MaxActiveAPIKeys)

	errTokenExists = apperr.New(apperr.Conflict, "token_exists", "This token was given out already. Sign in again.")
	errKeyExists   = apperr.New(apperr.Conflict, "api_key_exists", "There is an API key with this id already.")
	errInvalidKey  = apperr.New(apperr.Invalid, "api_key_invalid", "A value of the API key is not among those allowed.")

	errUnknownToken = apperr.New(apperr.Unauthenticated, "token_invalid", "The token is not valid. Sign in again.")
)

// Constraints says what a violation of each constraint of the module's tables
// means to a caller.
var Constraints = database.Constraints{
	"users_pkey":         errExists,
	"ix_users_username":  ErrUsernameTaken,
	"ix_users_email":     ErrEmailTaken,
	"ck_users_username":  errInvalidRow,
	"ck_users_email":     errInvalidRow,
	"ck_users_full_name": errInvalidRow,

	"refresh_tokens_pkey":           errTokenExists,
	"uq_refresh_tokens_token_hash":  errTokenExists,
	"uq_refresh_tokens_good":        errTokenExists,
	"fk_refresh_tokens_user":        ErrNotFound,
	"fk_refresh_tokens_replaced_by": errUnknownToken,
	"ck_refresh_tokens_token_hash":  errUnknownToken,

	"api_keys_pkey":            errKeyExists,
	"uq_api_keys_key_hash":     errKeyExists,
	"ix_api_keys_user_id_name": ErrAPIKeyNameTaken,
	"fk_api_keys_user":         ErrNotFound,
	"ck_api_keys_name":         errInvalidKey,
	"ck_api_keys_key_hash":     errInvalidKey,
	"ck_api_keys_permissions":  errInvalidKey,
}
