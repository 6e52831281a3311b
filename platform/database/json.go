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
// "must be a JSON object"; "" when nothing does. limit is in bytes, white space between
// tokens not counted: PostgreSQL gives some of its own, and what it gives can be stored
// again. A text that is empty, or null, is no object and no problem.
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
	case escapesNUL(value):
		return "may not contain NUL characters"
	}
	size := compactSize(value)
	if size > limit {
		return fmt.Sprintf("may be at most %d bytes long as JSON", limit)
	}
	digits, problem := digitsOfExponents(value)
	switch {
	case problem != "":
		return problem
	case size+digits > limit:
		return fmt.Sprintf("may be at most %d bytes long as JSON, with its numbers written without exponents", limit)
	default:
		return ""
	}
}

// compactSize is the length of a JSON text without white space between its tokens.
func compactSize(value []byte) int {
	size, text := 0, false
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case text && b == '\\':
			size++
			i++ // what is escaped ends nothing
		case b == '"':
			text = !text
		case !text && (b == ' ' || b == '\t' || b == '\n' || b == '\r'):
			continue
		}
		size++
	}
	return size
}

const (
	// maxExponent is that of the largest double.
	maxExponent = 308
	// maxDecimals is how many digits PostgreSQL's numeric has after the point.
	maxDecimals = 16_383
)

// digitsOfExponents counts the digits that numbers with an exponent have besides
// those that are written, and says what is wrong with a number beyond a double's
// bounds, or with too many decimals.
func digitsOfExponents(value json.RawMessage) (digits int, problem string) {
	const beyond = "may only contain numbers that fit into a double, from 1e-308 to 1e308"
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return digits, "" // the end; that it is JSON is known
		}
		number, is := token.(json.Number)
		if !is {
			continue
		}
		if _, err := number.Float64(); err != nil {
			return 0, beyond
		}
		written, exponent := number.String(), 0
		if i := strings.IndexAny(written, "eE"); i >= 0 {
			if exponent, err = strconv.Atoi(written[i+1:]); err != nil || exponent > maxExponent || exponent < -maxExponent {
				return 0, beyond
			}
			digits += max(exponent, -exponent)
			written = written[:i]
		}
		if _, decimals, _ := strings.Cut(written, "."); len(decimals)-exponent > maxDecimals {
			return 0, fmt.Sprintf("may only contain numbers with at most %d decimals", maxDecimals)
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
