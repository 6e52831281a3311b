package web

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/danielgtaylor/huma/v2"
)

// JSONAppender is a body, or a part of one, that writes its own JSON, because
// encoding/json would be too slow for it.
type JSONAppender interface {
	// AppendJSON appends the value's JSON, which is what encoding/json gives for it but
	// for white space and for what is escaped.
	AppendJSON(b []byte) []byte
}

// keptBuffer bounds the buffers that are kept for the next body, in bytes.
const keptBuffer = 1 << 20

// buffers has the memory that bodies are appended to.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// jsonFormat is how bodies are read and written. Its errors are for the client:
// they name no Go type.
func jsonFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			if body, ok := v.(JSONAppender); ok {
				return writeAppended(w, body)
			}
			encoder := json.NewEncoder(w)
			encoder.SetEscapeHTML(false)
			return encoder.Encode(v)
		},
		Unmarshal: func(data []byte, v any) error { return plainJSONError(json.Unmarshal(data, v)) },
	}
}

func writeAppended(w io.Writer, body JSONAppender) error {
	buffer, _ := buffers.Get().(*[]byte)
	text := append(body.AppendJSON((*buffer)[:0]), '\n')
	_, err := w.Write(text)
	if cap(text) <= keptBuffer {
		*buffer = text
		buffers.Put(buffer)
	}
	return err
}

func plainJSONError(err error) error {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Errorf("%s at byte %d", syntax.Error(), syntax.Offset)
	case errors.As(err, &kind) && kind.Field != "":
		return fmt.Errorf("%s cannot be a %s", kind.Field, kind.Value)
	case errors.As(err, &kind):
		return fmt.Errorf("it cannot be a %s", kind.Value)
	default:
		return err
	}
}
