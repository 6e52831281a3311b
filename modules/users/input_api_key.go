package users

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// CreateAPIKeyInput is what a new API key is made from. Nil means the default.
type CreateAPIKeyInput struct {
	Name          string
	ExpiresInDays *int
	// Scopes are read and write if nil.
	Scopes []string
	// Collections are the ids of the only collections that there are for the key;
	// nil for all. They are not looked up: one that is not there, or that the
	// key's owner may not see, gives the key nothing and tells nobody anything.
	Collections []string
}

// defaultScopes are those of a key that is made without any.
var defaultScopes = []auth.Scope{auth.ScopeRead, auth.ScopeWrite}

// Validate checks every field and reports all that are wrong at once.
func (in CreateAPIKeyInput) Validate() error {
	var wrong []apperr.Field
	fail := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, apperr.Field{Location: "body." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if problem := checkAPIKeyName(in.Name); problem != "" {
		fail("name", in.Name, "%s", problem)
	}
	if days := in.days(); days < 1 || days > MaxAPIKeyDays {
		fail("expires_in_days", days, "must be 1 to %d", MaxAPIKeyDays)
	}
	if in.Scopes != nil && len(in.Scopes) == 0 {
		fail("permissions.scopes", nil, "must have at least one of read, write, admin")
	}
	for i, s := range in.Scopes {
		if at := fmt.Sprintf("permissions.scopes[%d]", i); !auth.Scope(s).Known() {
			fail(at, s, "must be one of read, write, admin")
		} else if slices.Contains(in.Scopes[:i], s) {
			fail(at, s, "stands there twice")
		}
	}
	wrong = append(wrong, in.checkCollections()...)
	return apperr.InvalidFields(wrong)
}

func (in CreateAPIKeyInput) checkCollections() []apperr.Field {
	const at = "body.permissions.collections"
	switch n := len(in.Collections); {
	case in.Collections != nil && n == 0:
		return []apperr.Field{{Location: at, Message: "must name at least one collection; leave it out, and the key is for all"}}
	case n > MaxAPIKeyCollections:
		return []apperr.Field{{Location: at, Message: fmt.Sprintf("may name at most %d collections", MaxAPIKeyCollections)}}
	}
	var wrong []apperr.Field
	seen := map[uuid.UUID]bool{}
	for i, text := range in.Collections {
		id, err := uuid.Parse(text)
		message := ""
		switch {
		case err != nil || len(text) != len(uuid.Nil.String()) || id.Version() != 4 || id.Variant() != uuid.RFC4122:
			message = "must be a version 4 UUID"
		case seen[id]:
			message = "stands there twice"
		}
		if message != "" {
			wrong = append(wrong, apperr.Field{Location: fmt.Sprintf("%s[%d]", at, i), Message: message, Value: text})
		}
		seen[id] = true
	}
	return wrong
}

// days is how long the key lives.
func (in CreateAPIKeyInput) days() int {
	if in.ExpiresInDays == nil {
		return DefaultAPIKeyDays
	}
	return *in.ExpiresInDays
}

// permissions are what the key may be used for. The input is valid.
func (in CreateAPIKeyInput) permissions() KeyPermissions {
	var p KeyPermissions
	for _, s := range in.Scopes {
		p.Scopes = append(p.Scopes, auth.Scope(s))
	}
	if p.Scopes == nil {
		p.Scopes = slices.Clone(defaultScopes)
	}
	for _, text := range in.Collections {
		p.Collections = append(p.Collections, uuid.MustParse(text))
	}
	return p
}

// cleanAPIKeyName is the name as it is stored: trimmed, in the composed form of
// Unicode, so that two names that look the same are the same.
func cleanAPIKeyName(name string) string {
	return norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(name, "\x00", "")))
}

func checkAPIKeyName(raw string) string {
	name := cleanAPIKeyName(raw)
	blank := func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }
	switch {
	case !utf8.ValidString(name):
		return "must be valid UTF-8"
	case strings.TrimFunc(name, blank) == "":
		return "is required"
	case strings.ContainsFunc(name, unicode.IsControl):
		return "may not contain control characters, such as a line break"
	case utf8.RuneCountInString(name) > MaxAPIKeyName:
		return fmt.Sprintf("may be at most %d characters long", MaxAPIKeyName)
	default:
		return ""
	}
}
