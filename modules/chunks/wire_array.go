package chunks

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"semantik/platform/apperr"
)

// maxArray bounds a JSON array, which is in memory as a whole, in bytes.
const maxArray = 64 << 20

// readArray reads an object with one member, an array of that name, of at most so many
// values; tooMany is for more.
func readArray(body io.Reader, member string, most int, tooMany *apperr.Error) ([]jsontext.Value, error) {
	var text bytes.Buffer
	if n, err := text.ReadFrom(io.LimitReader(body, maxArray+1)); err != nil {
		return nil, err
	} else if n > maxArray {
		return nil, tooMany.WithMessagef("A JSON array may have at most %d MiB: send %s as %s, one a line.", maxArray>>20, member, mediaLines)
	}
	decoder := jsontext.NewDecoder(&text)
	bad := errBadArray.WithMessagef("The body must be JSON: an object with the one member %q, an array.", member)
	if err := expect(decoder, '{', bad); err != nil {
		return nil, err
	}
	var values []jsontext.Value
	for decoder.PeekKind() != '}' {
		name, err := decoder.ReadToken()
		if err != nil {
			return nil, malformed(err)
		}
		if name.Kind() != '"' || name.String() != member {
			return nil, bad.WithMessagef("The body has a member %q, which there is not; it has the one member %q, an array.", shorten(name.String()), member)
		}
		if values, err = readElements(decoder, member, most, tooMany, bad); err != nil {
			return nil, err
		}
	}
	if values == nil {
		return nil, bad
	}
	if err := expect(decoder, '}', bad); err != nil {
		return nil, err
	}
	if _, err := decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errBadArray.WithMessagef("Something follows after the end of the JSON object.")
	}
	return values, nil
}

// readElements reads an array of values.
func readElements(decoder *jsontext.Decoder, member string, most int, tooMany *apperr.Error, bad error) ([]jsontext.Value, error) {
	if err := expect(decoder, '[', bad); err != nil {
		return nil, err
	}
	values := []jsontext.Value{}
	for decoder.PeekKind() != ']' {
		value, err := decoder.ReadValue()
		if err != nil {
			return nil, malformed(err)
		}
		if len(values) == most {
			return nil, tooMany.WithMessagef("A JSON array may have at most %d %s: send them as %s, one a line.", most, member, mediaLines)
		}
		values = append(values, value.Clone())
	}
	return values, expect(decoder, ']', bad)
}

// expect reads a token that must be of a kind; bad is for any other.
func expect(decoder *jsontext.Decoder, kind jsontext.Kind, bad error) error {
	token, err := decoder.ReadToken()
	if err != nil {
		return malformed(err)
	}
	if token.Kind() != kind {
		return bad
	}
	return nil
}

// malformed says where a JSON text is not one.
func malformed(err error) error {
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		return errBadArray.WithMessagef("The body is not valid JSON: %s.", syntaxText(syntactic)).WithCause(err)
	}
	return errBadArray.WithCause(err)
}

// syntaxText says what is wrong with a JSON text, and where.
func syntaxText(e *jsontext.SyntacticError) string {
	return fmt.Sprintf("%v at byte %d", e.Err, e.ByteOffset)
}
