package users

import (
	"fmt"
	"net/mail"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

var usernamePattern = regexp.MustCompile(`^[A-Za-z0-9_]+$`)

// reserved are the names that the audit log has for those who are no user.
var reserved = []string{"anonymous", "operator", "system"}

// RegisterInput is what a new account is made from.
type RegisterInput struct {
	Username string
	Email    string
	Password string
	FullName *string
}

// clean gives the input as it is stored.
func (in RegisterInput) clean() RegisterInput {
	in.Email = norm.NFC.String(in.Email)
	in.FullName = cleanFullName(in.FullName)
	return in
}

// Validate checks every field and reports all that are wrong at once. The
// password is never echoed.
func (in RegisterInput) Validate() error {
	var w wrong
	if n := len(in.Username); n < MinUsername || n > MaxUsername {
		w.addf("username", in.Username, "must be %d to %d characters long", MinUsername, MaxUsername)
	} else if !usernamePattern.MatchString(in.Username) {
		w.addf("username", in.Username, "may have only the letters A to Z, digits and _")
	} else if slices.Contains(reserved, strings.ToLower(in.Username)) {
		w.addf("username", in.Username, "is reserved: the audit log calls others so; choose another one")
	}
	w.email(in.Email)
	w.password("password", in.Password, in.Username, in.Email)
	w.fullName(in.FullName)
	return apperr.InvalidFields(w)
}

// UpdateInput changes an account; what is nil stays as it is.
type UpdateInput struct {
	// FullName is removed when nothing is left of it.
	FullName *string
	Email    *string
	// IsActive and IsSuperuser are for superusers to change.
	IsActive    *bool
	IsSuperuser *bool
}

// Validate checks every field and reports all that are wrong at once.
func (in UpdateInput) Validate() error {
	var w wrong
	if in.Email != nil {
		w.email(*in.Email)
	}
	w.fullName(in.FullName)
	return apperr.InvalidFields(w)
}

// touchesRights reports whether it is for superusers alone.
func (in UpdateInput) touchesRights() bool { return in.IsActive != nil || in.IsSuperuser != nil }

// validatePassword checks a new password of the user's.
func validatePassword(field, password string, u User) error {
	var w wrong
	w.password(field, password, u.Username, u.Email)
	return apperr.InvalidFields(w)
}

// wrong collects the fields that are.
type wrong []apperr.Field

func (w *wrong) addf(field string, value any, format string, args ...any) {
	*w = append(*w, apperr.Field{Location: "body." + field, Message: fmt.Sprintf(format, args...), Value: value})
}

func (w *wrong) email(s string) {
	if !validEmail(s) {
		w.addf("email", s, "must be an e-mail address, of %d characters at the most", MaxEmail)
	}
}

func (w *wrong) fullName(s *string) {
	if s != nil && utf8.RuneCountInString(*s) > MaxFullName {
		w.addf("full_name", nil, "may be at most %d characters long", MaxFullName)
	}
}

// password checks a new one; own are the user's name and address, which it may not
// be.
func (w *wrong) password(field, password string, own ...string) {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		w.addf(field, nil, "must be at least %d characters long", MinPassword)
	case len(password) > auth.MaxPasswordBytes:
		w.addf(field, nil, "may be at most %d bytes long", auth.MaxPasswordBytes)
	case auth.IsCommonPassword(password):
		w.addf(field, nil, "is one of those that are tried first, or one of them with something added; three or four words that have nothing to do with one another are good")
	case isOwnName(password, own):
		w.addf(field, nil, "must not be the user name or the e-mail address")
	}
}

func isOwnName(password string, own []string) bool {
	return slices.ContainsFunc(own, func(name string) bool {
		local, _, _ := strings.Cut(name, "@")
		return strings.EqualFold(password, name) || strings.EqualFold(password, local)
	})
}

// validEmail accepts an address with a domain and without a display name.
func validEmail(s string) bool {
	if len(s) > MaxEmail || !utf8.ValidString(s) || strings.ContainsFunc(s, unfitForEmail) {
		return false
	}
	a, err := mail.ParseAddress(s)
	if err != nil || a.Address != s {
		return false
	}
	_, domain, _ := strings.Cut(s, "@")
	return strings.Contains(domain, ".") || domain == "localhost"
}

func unfitForEmail(r rune) bool {
	return r == '<' || r == '>' || unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
}

// cleanFullName is a full name as it is stored: nil when nothing is left.
func cleanFullName(s *string) *string {
	if s == nil {
		return nil
	}
	name := norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "")))
	if name == "" {
		return nil
	}
	return &name
}
