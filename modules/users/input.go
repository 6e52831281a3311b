package users

import (
	"fmt"
	"net/mail"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// RegisterInput is what a new account is made from.
type RegisterInput struct {
	Username string
	Email    string
	Password string
	FullName *string
}

// Validate checks every field and reports all that are wrong at once. The
// password is never echoed.
func (in RegisterInput) Validate() error {
	var wrong []apperr.Field
	fail := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, apperr.Field{Location: "body." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if n := len(in.Username); n < MinUsername || n > MaxUsername {
		fail("username", in.Username, "must be %d to %d characters long", MinUsername, MaxUsername)
	} else if !usernamePattern.MatchString(in.Username) {
		fail("username", in.Username, "may have only the letters A to Z, digits and _")
	}
	if !validEmail(in.Email) {
		fail("email", in.Email, "must be an e-mail address")
	}
	if utf8.RuneCountInString(in.Password) < MinPassword {
		fail("password", nil, "must be at least %d characters long", MinPassword)
	} else if len(in.Password) > auth.MaxPasswordBytes {
		fail("password", nil, "may be at most %d bytes long", auth.MaxPasswordBytes)
	}
	if in.FullName != nil && utf8.RuneCountInString(*in.FullName) > MaxFullName {
		fail("full_name", nil, "may be at most %d characters long", MaxFullName)
	}
	return apperr.InvalidFields(wrong)
}

// validEmail accepts an address with a domain and without a display name.
func validEmail(s string) bool {
	if len(s) > MaxEmail || strings.ContainsAny(s, " \x00<>") {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return strings.Contains(domain, ".") || domain == "localhost"
}

// cleanFullName is a full name as it is stored: nil when nothing is left.
func cleanFullName(s *string) *string {
	if s == nil {
		return nil
	}
	name := norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(*s, "\x00", "")))
	if name == "" {
		return nil
	}
	return &name
}
