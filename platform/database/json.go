package database

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ObjectProblem says what keeps a JSON text from being stored as an object, as in
// "must be a JSON object"; "" when nothing does. limit is in bytes. A text that is
// empty, or null, is no object and no problem.
//
// A NUL, written as an escape in a string, is JSON, and PostgreSQL's jsonb cannot
// hold it.
func ObjectProblem(value json.RawMessage, limit int) string {
	value = bytes.TrimSpace(value)
	switch {
	case len(value) == 0 || string(value) == "null":
		return ""
	case value[0] != '{' || !json.Valid(value):
		return "must be a JSON object"
	case len(value) > limit:
		return fmt.Sprintf("may be at most %d bytes long as JSON", limit)
	case escapesNUL(value):
		return "may not contain NUL characters"
	default:
		return ""
	}
}

// escapesNUL finds the escape of a NUL. A backslash that is escaped itself begins
// none.
func escapesNUL(value []byte) bool {
	for i := 0; i < len(value)-1; i++ {
		if value[i] != '\\' {
			continue
		}
		if bytes.HasPrefix(value[i:], []byte(`\u0000`)) {
			return true
		}
		i++ // the character after a backslash
	}
	return false
}
