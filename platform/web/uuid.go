package web

import (
	"encoding/hex"
	"errors"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"
)

// uuidPattern is a version 4 UUID in its usual form, in either case.
const uuidPattern = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-4[0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}$"

// UUID is an id on the wire: a version 4 UUID, written in lower case. Other
// versions and other spellings are refused.
type UUID struct{ uuid.UUID }

// NewUUID is the wire form of id, which is written whatever its version is.
func NewUUID(id uuid.UUID) UUID { return UUID{id} }

var errNotUUID = errors.New("must be a version 4 UUID")

// AppendJSON implements [JSONAppender].
func (u UUID) AppendJSON(b []byte) []byte {
	b = append(b, '"')
	b = hex.AppendEncode(b, u.UUID[:4])
	for _, group := range [][]byte{u.UUID[4:6], u.UUID[6:8], u.UUID[8:10], u.UUID[10:]} {
		b = hex.AppendEncode(append(b, '-'), group)
	}
	return append(b, '"')
}

// UnmarshalText reads a version 4 UUID.
func (u *UUID) UnmarshalText(text []byte) error {
	id, err := uuid.Parse(string(text))
	if err != nil || len(text) != len(uuid.Nil.String()) || id.Version() != 4 || id.Variant() != uuid.RFC4122 {
		return errNotUUID
	}
	u.UUID = id
	return nil
}

// ParseUUID reads a version 4 UUID from a text that is no parameter, such as one
// of a list.
func ParseUUID(text string) (uuid.UUID, error) {
	var u UUID
	err := u.UnmarshalText([]byte(strings.TrimSpace(text)))
	return u.UUID, err
}

// TransformSchema tells the OpenAPI description the format. The pattern is what
// validates: Huma's own check of the format takes any version.
func (u *UUID) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Pattern = uuidPattern
	s.PatternDescription = "a version 4 UUID"
	s.Examples = []any{"0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a"}
	return s
}
