package web

import (
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"
)

const (
	redacted = "[redacted]"
	// maxEcho is the most characters of a value that are sent back.
	maxEcho = 200
)

// secretWords mark a field whose value is not sent back, wherever in its
// location they stand.
var secretWords = []string{
	"password", "passwd", "passphrase", "secret", "token", "api_key", "apikey", "authorization",
	"credential", "private_key", "privatekey", "ssh_key", "cookie",
}

func fieldError(location, message string, value any) FieldError {
	return FieldError{Location: location, Message: message, Value: echoed(location, value)}
}

// echoed is what may be sent back of a wrong value: a scalar, not too long, not
// secret. A structure is null: what is wrong with it is inside, and so may be a
// password beside it.
func echoed(location string, value any) any {
	if location == "body" {
		return nil
	}
	if s, ok := value.(fmt.Stringer); ok {
		value = s.String()
	}
	v := reflect.ValueOf(value)
	switch v.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return value // never a secret: token_count is not one
	case reflect.String:
		if isSecret(location) && v.String() != "" {
			return redacted
		}
		return shorten(v.String())
	default:
		return nil
	}
}

func isSecret(location string) bool {
	location = strings.ToLower(strings.ReplaceAll(location, "-", "_"))
	for _, word := range secretWords {
		if strings.Contains(location, word) {
			return true
		}
	}
	return false
}

func shorten(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if utf8.RuneCountInString(s) <= maxEcho {
		return s
	}
	return string([]rune(s)[:maxEcho]) + "…"
}
