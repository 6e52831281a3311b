package collections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// faults are the fields of a body that are wrong.
type faults []apperr.Field

func (f *faults) addf(field string, value any, format string, args ...any) {
	*f = append(*f, apperr.Field{Location: "body." + field, Message: fmt.Sprintf(format, args...), Value: value})
}

func (f *faults) name(name string) {
	if problem := checkName(name); problem != "" {
		f.addf("name", name, "%s", problem)
	}
}

func (f *faults) description(text *string) {
	if text == nil {
		return
	}
	if !utf8.ValidString(*text) {
		f.addf("description", nil, "must be valid UTF-8")
	} else if utf8.RuneCountInString(*text) > MaxDescription {
		f.addf("description", nil, "may be at most %d characters long", MaxDescription)
	}
}

// word is a text of 1 to MaxName bytes, such as the name of a model.
func (f *faults) word(field string, text *string) {
	if text != nil && (strings.TrimSpace(*text) == "" || len(*text) > MaxName || !utf8.ValidString(*text) || strings.Contains(*text, "\x00")) {
		f.addf(field, *text, "must be 1 to %d characters long", MaxName)
	}
}

func (f *faults) oneOf(field string, text *string, allowed []string) {
	if text != nil && !slices.Contains(allowed, *text) {
		f.addf(field, *text, "must be one of %s", strings.Join(allowed, ", "))
	}
}

func (f *faults) object(field string, value json.RawMessage) {
	if problem := database.ObjectProblem(value, MaxMetadataBytes); problem != "" {
		f.addf(field, nil, "%s", problem)
	}
}

func (f *faults) chunkSize(given *int, overlap int) {
	size := valueOr(given, DefaultChunkSize)
	if size < MinChunkSize || size > MaxChunkSize {
		f.addf("chunk_size", size, "must be %d to %d characters", MinChunkSize, MaxChunkSize)
	}
	if overlap < 0 || overlap > MaxChunkOverlap {
		f.addf("chunk_overlap", overlap, "must be 0 to %d characters", MaxChunkOverlap)
	} else if overlap >= size {
		f.addf("chunk_overlap", overlap, "must be less than chunk_size, which is %d", size)
	}
}

func (f *faults) syncInterval(minutes *int) {
	if minutes != nil && (*minutes < MinSyncInterval || *minutes > MaxSyncInterval) {
		f.addf("sync_interval_minutes", *minutes, "must be %d to %d minutes", MinSyncInterval, MaxSyncInterval)
	}
}

// cleanName is the name as it is stored: trimmed, in the composed form of
// Unicode, so that two names that look the same are the same.
func cleanName(name string) string {
	return norm.NFC.String(strings.TrimSpace(strings.ReplaceAll(name, "\x00", "")))
}

// cleanDescription is a description as it is stored; nil stays nil.
func cleanDescription(text *string) *string {
	if text == nil {
		return nil
	}
	clean := norm.NFC.String(strings.ReplaceAll(*text, "\x00", ""))
	return &clean
}

// emptyIsNone is nil for a text without a character in it: an empty one takes away
// what was there.
func emptyIsNone(text *string) *string {
	if text == nil || strings.TrimSpace(*text) == "" {
		return nil
	}
	return text
}

// isBlank reports whether a character leaves no mark on a screen.
func isBlank(r rune) bool { return unicode.IsSpace(r) || !unicode.IsGraphic(r) }

func checkName(raw string) string {
	name := cleanName(raw)
	switch {
	case strings.TrimFunc(name, isBlank) == "":
		return "is required"
	case !utf8.ValidString(name):
		return "must be valid UTF-8"
	case utf8.RuneCountInString(name) > MaxName:
		return fmt.Sprintf("may be at most %d characters long", MaxName)
	case strings.ContainsAny(name, nameForbids):
		return "may not contain any of " + strings.Join(strings.Split(nameForbids, ""), " ")
	default:
		return ""
	}
}

// CleanName gives a collection's name as it is stored, for whoever gives one a name by
// another way than this module, and what is wrong with it, such as "is required".
func CleanName(raw string) (name, problem string) { return cleanName(raw), checkName(raw) }

// object is an object that was given, or nil: null stands for none.
func object(value json.RawMessage) json.RawMessage {
	value = bytes.TrimSpace(value)
	if len(value) == 0 || string(value) == "null" {
		return nil
	}
	return value
}

func valueOr[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}
