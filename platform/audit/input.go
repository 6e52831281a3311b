package audit

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"semantik/platform/apperr"
)

// Bounds of a page.
const (
	DefaultPageSize = 50
	MaxPageSize     = 1000
)

// maxWord bounds what is compared with a column, in characters.
const maxWord = 255

// Query says which entries are wanted. What is empty does not matter.
type Query struct {
	Actor      string // a user's name, in whatever case
	APIKeyID   *uuid.UUID
	Action     string // such as collection.delete
	ObjectType string // such as collection
	ObjectID   string // as the API shows it
	Since      *time.Time
	Until      *time.Time // exclusive
	After      *Key
	PageSize   int // [DefaultPageSize] if zero, never more than [MaxPageSize]
}

var (
	actionWord     = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$`)
	objectTypeWord = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// Validate reports every value that no entry can have.
func (q Query) Validate() error {
	var wrong []apperr.Field
	refuse := func(name, message string, value any) {
		wrong = append(wrong, apperr.Field{Location: "query." + name, Message: message, Value: value})
	}
	if q.Action != "" && (len(q.Action) > maxWord || !actionWord.MatchString(q.Action)) {
		refuse("action", "must be an action such as collection.delete", q.Action)
	}
	if q.ObjectType != "" && (len(q.ObjectType) > maxWord || !objectTypeWord.MatchString(q.ObjectType)) {
		refuse("object_type", "must be a kind of object such as collection", q.ObjectType)
	}
	if message := badWord(q.Actor); message != "" {
		refuse("actor", message, q.Actor)
	}
	if message := badWord(q.ObjectID); message != "" {
		refuse("object_id", message, q.ObjectID)
	}
	if q.Since != nil && q.Until != nil && !q.Since.Before(*q.Until) {
		refuse("until", "must be later than since", q.Until)
	}
	if q.After != nil && q.After.ID <= 0 {
		refuse("after", "must be the member next of an answer to this request", nil)
	}
	return apperr.InvalidFields(wrong)
}

func badWord(word string) string {
	switch {
	case !utf8.ValidString(word) || strings.ContainsRune(word, 0):
		return "must be text without NUL"
	case utf8.RuneCountInString(word) > maxWord:
		return fmt.Sprintf("must have at most %d characters", maxWord)
	default:
		return ""
	}
}

// size is how many entries are given at most.
func (q Query) size() int {
	if q.PageSize <= 0 {
		return DefaultPageSize
	}
	return min(q.PageSize, MaxPageSize)
}
