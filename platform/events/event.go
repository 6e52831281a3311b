package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"
	"unicode/utf8"
)

// maxPayload is what PostgreSQL takes at the most, which is less than 8000 bytes.
const maxPayload = 7999

// Event is something that has happened, as it is published.
type Event struct {
	// Topics are what it is about; whoever has subscribed to one of them hears it
	// once.
	Topics []string
	Type   string
	// Data is about the event. Long texts in it are shortened where PostgreSQL would
	// not take the whole, each in its middle.
	Data map[string]any
}

// Notice is an event as it is heard. Subscribers share it, and do not change it.
type Notice struct {
	Type string
	At   time.Time
	Data json.RawMessage
	// Missed says that there is no event, and that some may have been missed: the
	// connection has just been made, or made again.
	Missed bool
}

// message is an event on its way through PostgreSQL.
type message struct {
	Topics []string        `json:"topics"`
	Type   string          `json:"type"`
	At     time.Time       `json:"at"`
	Data   json.RawMessage `json:"data"`
}

// shorter are the characters that texts keep, step by step, until the whole fits.
var shorter = []int{2000, 500, 100, 20}

// encode writes an event so that PostgreSQL takes it.
func encode(e Event, at time.Time) (string, error) {
	text, err := encodeWhole(e, at)
	for _, characters := range shorter {
		if err != nil || len(text) <= maxPayload {
			return text, err
		}
		// Through JSON, so that every text is seen, however deep it stands.
		var plain map[string]any
		if plain, err = plainOf(e.Data); err == nil {
			e.Data, _ = shorten(plain, characters).(map[string]any)
			text, err = encodeWhole(e, at)
		}
	}
	if err != nil || len(text) <= maxPayload {
		return text, err
	}
	// It is not its texts that are too long, but how many members it has.
	e.Data = withoutStructure(e.Data)
	return encodeWhole(e, at)
}

func encodeWhole(e Event, at time.Time) (string, error) {
	data, err := marshal(e.Data)
	if err != nil {
		return "", err
	}
	text, err := marshal(message{Topics: e.Topics, Type: e.Type, At: at.UTC(), Data: data})
	return string(text), err
}

// marshal leaves signs as they are that only matter in a page, and which would
// take six bytes each.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, fmt.Errorf("writing an event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// plainOf is the data in the types of JSON, integers kept as they are.
func plainOf(data map[string]any) (map[string]any, error) {
	text, err := marshal(data)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var plain map[string]any
	if err := decoder.Decode(&plain); err != nil {
		return nil, fmt.Errorf("writing an event: %w", err)
	}
	return plain, nil
}

func shorten(v any, characters int) any {
	switch value := v.(type) {
	case string:
		return shortenText(value, characters)
	case []any:
		for i := range value {
			value[i] = shorten(value[i], characters)
		}
	case map[string]any:
		for key := range value {
			value[key] = shorten(value[key], characters)
		}
	}
	return v
}

// shortenText keeps both ends: a path is known by its last part, a sentence by its
// first.
func shortenText(s string, characters int) string {
	if utf8.RuneCountInString(s) <= characters {
		return s
	}
	runes := []rune(s)
	half := characters / 2
	return string(runes[:half]) + "…" + string(runes[len(runes)-half:])
}

// withoutStructure keeps the first of the members that are plain values.
func withoutStructure(data map[string]any) map[string]any {
	const enough = 20
	kept := map[string]any{}
	for _, key := range slices.Sorted(maps.Keys(data)) {
		switch data[key].(type) {
		case []any, map[string]any:
			continue
		}
		if len(key) <= 2*enough && len(kept) < enough {
			kept[key] = data[key]
		}
	}
	return kept
}
