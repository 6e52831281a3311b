package database

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// ObjectProblem says what keeps a JSON text from being stored as an object, as in
// "must be a JSON object"; "" when nothing does. limit is in bytes. A text that is
// empty, or null, is no object and no problem.
//
// A NUL, written as an escape in a string, is JSON, and PostgreSQL's jsonb cannot
// hold it. A number is stored exactly and given back with all its digits: 1e300
// comes back as three hundred zeros, and counts as many bytes. One that is larger
// or smaller than a double is refused: few programs that read it back could.
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
	}
	digits, ok := digitsOfExponents(value)
	switch {
	case !ok:
		return "may only contain numbers that fit into a double, from 1e-308 to 1e308"
	case len(value)+digits > limit:
		return fmt.Sprintf("may be at most %d bytes long as JSON, with its numbers written without exponents", limit)
	default:
		return ""
	}
}

// maxExponent is that of the largest double.
const maxExponent = 308

// digitsOfExponents counts the digits that numbers with an exponent have besides
// those that are written; ok is false for a number beyond a double's bounds.
func digitsOfExponents(value json.RawMessage) (digits int, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return digits, true // the end; that it is JSON is known
		}
		number, is := token.(json.Number)
		if !is {
			continue
		}
		if _, err := number.Float64(); err != nil {
			return 0, false
		}
		if i := strings.IndexAny(number.String(), "eE"); i >= 0 {
			exponent, err := strconv.Atoi(number.String()[i+1:])
			if err != nil || exponent > maxExponent || exponent < -maxExponent {
				return 0, false
			}
			digits += max(exponent, -exponent)
		}
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

// SameJSON reports whether two texts say the same in JSON, whatever the order of
// members; numbers are compared by their digits.
func SameJSON(a, b json.RawMessage) bool {
	return reflect.DeepEqual(decoded(a), decoded(b))
}

func decoded(text json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil
	}
	return value
}
