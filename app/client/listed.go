package client

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Listed is what the server has answered, as far as the command line looks at
// it, and as a whole.
type Listed[T any] struct {
	Value T
	Raw   json.RawMessage
}

// UnmarshalJSON reads both.
func (l *Listed[T]) UnmarshalJSON(data []byte) error {
	l.Raw = slices.Clone(data)
	if err := json.Unmarshal(data, &l.Value); err != nil {
		return fmt.Errorf("reading an answer: %w", err)
	}
	return nil
}

// MarshalJSON is what was answered.
func (l Listed[T]) MarshalJSON() ([]byte, error) { return l.Raw, nil }
