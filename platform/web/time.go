package web

import (
	"errors"
	"time"

	"github.com/danielgtaylor/huma/v2"
)

// timeLayout has always six digits, so that instants sort as text.
const timeLayout = "2006-01-02T15:04:05.000000Z"

var errNotInstant = errors.New("must be an instant such as 2025-07-15T10:00:00Z")

// Time is an instant on the wire: ISO 8601, UTC, microseconds, as in
// "2025-07-15T10:00:00.123456Z". A field that may be null is a *Time. It is read
// from any RFC 3339 text, in a body and as a parameter.
type Time struct{ time.Time }

// NewTime is the wire form of t.
func NewTime(t time.Time) Time { return Time{t} }

// NewTimePointer is the wire form of an instant that may be missing.
func NewTimePointer(t *time.Time) *Time {
	if t == nil {
		return nil
	}
	return &Time{*t}
}

// String is the wire form.
func (t Time) String() string { return t.UTC().Format(timeLayout) }

// MarshalText is the wire form.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// MarshalJSON is the wire form, in quotes.
func (t Time) MarshalJSON() ([]byte, error) { return []byte(`"` + t.String() + `"`), nil }

// AppendJSON implements [JSONAppender].
func (t Time) AppendJSON(b []byte) []byte {
	b = append(b, '"')
	b = t.UTC().AppendFormat(b, timeLayout)
	return append(b, '"')
}

// UnmarshalText reads any RFC 3339 instant.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return errNotInstant
	}
	t.Time = parsed.UTC()
	return nil
}

// UnmarshalJSON reads any RFC 3339 instant; null leaves the value as it is.
func (t *Time) UnmarshalJSON(data []byte) error {
	if string(data) == "null" {
		return nil
	}
	if len(data) < 2 || data[0] != '"' {
		return errNotInstant
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}

// TransformSchema tells the OpenAPI description the format.
func (t *Time) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	s.Format = "date-time"
	s.Examples = []any{"2025-07-15T10:00:00.123456Z"}
	return s
}
