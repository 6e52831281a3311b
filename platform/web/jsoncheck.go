package web

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"semantik/platform/apperr"
)

// maxJSONDepth is how deep objects and arrays may be nested.
const maxJSONDepth = 100

// manyKeys is where looking through an object's keys gives way to a map.
const manyKeys = 16

var errMalformedJSON = apperr.New(apperr.Malformed, "malformed_json", "The body is not valid JSON.")

// CheckJSON refuses what a JSON decoder would take and change without a word:
// bytes that are not UTF-8 and halves of surrogate pairs (both become U+FFFD), a
// name that stands twice in an object (one is lost), and nesting without end. In
// an object that becomes a struct two names also count as one when they differ in
// case only, because the decoder takes them for the same field, and only one of
// them was validated; those are the outermost object and objects listed in it or
// in the outermost array. Anything else may be wrong with the text: decode it
// next. The error is an apperr of kind Malformed with code "malformed_json".
func CheckJSON(data []byte) error {
	if !utf8.Valid(data) {
		return errMalformedJSON.WithMessagef("The body is not valid UTF-8.")
	}
	c := jsonChecker{data: data}
	return c.run()
}

type jsonFrame struct {
	object bool
	// fold makes names that differ in case the same.
	fold bool
	keys [][]byte
	many map[string]bool
}

type jsonChecker struct {
	data   []byte
	frames []jsonFrame
	// name is whether the next string is the name of a member.
	name bool
}

func (c *jsonChecker) run() error {
	for i := 0; i < len(c.data); i++ {
		switch b := c.data[i]; b {
		case '{', '[':
			if len(c.frames) == maxJSONDepth {
				return errMalformedJSON.WithMessagef("The body is nested deeper than %d levels.", maxJSONDepth)
			}
			c.push(b == '{')
		case '}', ']':
			if len(c.frames) > 0 {
				c.frames = c.frames[:len(c.frames)-1]
			}
			c.name = false
		case ',':
			c.name = len(c.frames) > 0 && c.frames[len(c.frames)-1].object
		case ':':
			c.name = false
		case '"':
			end, err := c.text(i + 1)
			if err != nil {
				return err
			}
			if c.name {
				if err := c.key(c.data[i+1 : min(end, len(c.data))]); err != nil {
					return err
				}
			}
			i = end
		}
	}
	return nil
}

func (c *jsonChecker) push(object bool) {
	depth := len(c.frames)
	fold := depth == 0 || (!c.frames[depth-1].object && depth <= 2)
	// Frames of the same depth follow each other by the thousand: keep their
	// memory.
	if depth < cap(c.frames) {
		c.frames = c.frames[:depth+1]
		c.frames[depth] = jsonFrame{object: object, fold: fold, keys: c.frames[depth].keys[:0]}
	} else {
		c.frames = append(c.frames, jsonFrame{object: object, fold: fold})
	}
	c.name = object
}

// text gives the index of the quote that ends the string which begins at i, and
// looks at its escapes.
func (c *jsonChecker) text(i int) (int, error) {
	for i < len(c.data) {
		next := bytes.IndexAny(c.data[i:], `"\`)
		if next < 0 {
			return len(c.data), nil
		}
		i += next
		if c.data[i] == '"' {
			return i, nil
		}
		if i+1 < len(c.data) && c.data[i+1] == 'u' {
			length, ok := escapeLength(c.data[i:])
			if !ok {
				return 0, errMalformedJSON.WithMessagef(`The body holds one half of a surrogate pair (\u%s), which is no character.`, c.data[i+2:i+6])
			}
			i += length
			continue
		}
		i += 2
	}
	return len(c.data), nil
}

// escapeLength is how many bytes the \u escape at the beginning takes, twelve
// for a pair; ok is false for half of one. What is no escape at all is left to
// the decoder.
func escapeLength(data []byte) (length int, ok bool) {
	first, valid := escapedUnit(data)
	if !valid || first < 0xd800 || first > 0xdfff {
		return 2, true
	}
	if first >= 0xdc00 {
		return 0, false
	}
	second, valid := escapedUnit(data[6:])
	if !valid || second < 0xdc00 || second > 0xdfff {
		return 0, false
	}
	return 12, true
}

func escapedUnit(data []byte) (uint64, bool) {
	if len(data) < 6 || data[0] != '\\' || data[1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(data[2:6]), 16, 16)
	return n, err == nil
}

func (c *jsonChecker) key(raw []byte) error {
	frame := &c.frames[len(c.frames)-1]
	if bytes.IndexByte(raw, '\\') >= 0 {
		var s string
		if json.Unmarshal([]byte(`"`+string(raw)+`"`), &s) != nil {
			return nil //nolint:nilerr // not JSON, as the decoder will say
		}
		raw = []byte(s)
	}
	if frame.has(raw) {
		return errMalformedJSON.WithMessagef("The body has the member %q twice.", shorten(string(raw)))
	}
	return nil
}

// has reports whether the object has the name, and adds it.
func (f *jsonFrame) has(name []byte) bool {
	if f.many != nil {
		key := f.canonical(name)
		if f.many[key] {
			return true
		}
		f.many[key] = true
		return false
	}
	for _, known := range f.keys {
		if bytes.Equal(known, name) || (f.fold && bytes.EqualFold(known, name)) {
			return true
		}
	}
	f.keys = append(f.keys, name)
	if len(f.keys) > manyKeys {
		f.many = make(map[string]bool, 4*manyKeys)
		for _, known := range f.keys {
			f.many[f.canonical(known)] = true
		}
	}
	return false
}

func (f *jsonFrame) canonical(name []byte) string {
	if !f.fold {
		return string(name)
	}
	return strings.Map(smallestFold, string(name))
}

// smallestFold is the same for all letters that are one when case is ignored.
func smallestFold(r rune) rune {
	smallest := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		smallest = min(smallest, other)
	}
	return smallest
}
