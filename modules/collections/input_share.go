package collections

import (
	"strings"

	"github.com/google/uuid"

	"semantik/platform/apperr"
)

// ShareInput says whom a collection is shared with, by exactly one of the first
// three, and what they may do.
type ShareInput struct {
	UserID *int64
	// Username is compared without regard to case.
	Username *string
	APIKeyID *uuid.UUID
	// Permission is read, write or admin.
	Permission string
}

// Validate reports all fields that are wrong at once.
func (in ShareInput) Validate() error {
	var wrong []apperr.Field
	given := 0
	for _, is := range []bool{in.UserID != nil, in.Username != nil, in.APIKeyID != nil} {
		if is {
			given++
		}
	}
	switch {
	case given != 1:
		wrong = append(wrong, apperr.Field{Location: "body", Message: "must have exactly one of username, user_id and api_key_id"})
	case in.Username != nil && strings.TrimSpace(*in.Username) == "":
		wrong = append(wrong, apperr.Field{Location: "body.username", Message: "may not be empty", Value: *in.Username})
	}
	if field := checkPermission(in.Permission); field != nil {
		wrong = append(wrong, *field)
	}
	return apperr.InvalidFields(wrong)
}

// checkPermission is what is wrong with a permission that is to be given.
func checkPermission(permission string) *apperr.Field {
	if _, ok := ParsePermission(permission); ok {
		return nil
	}
	return &apperr.Field{Location: "body.permission", Message: "must be read, write or admin", Value: permission}
}
