package chunks

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/database"
)

// Limits of what a loader gives besides the content.
const (
	// MaxVectorID bounds the name of a chunk's vector, in characters.
	MaxVectorID = 255
	// MaxMetadata bounds a chunk's metadata, in bytes as JSON.
	MaxMetadata = 64 << 10
)

// NewChunk is a chunk to be loaded.
type NewChunk struct {
	DocumentID *uuid.UUID
	// ChunkIndex is 0 to 2,147,483,647.
	ChunkIndex int
	Content    string
	// StartOffset and EndOffset, 0 to 2,147,483,647, are the loader's: what was cut
	// elsewhere need not count as this program does.
	StartOffset *int64
	EndOffset   *int64
	TokenCount  *int
	// EmbeddingVectorID names the chunk's vector in a store of vectors.
	EmbeddingVectorID *string
	// Disabled chunks are not found by a search.
	Disabled bool
	// Metadata is a JSON object, or nil for an empty one.
	Metadata json.RawMessage
}

// OnConflict says what becomes of a chunk whose index its document has already.
type OnConflict string

// The ways of dealing with a conflict.
const (
	// OnConflictError refuses the load.
	OnConflictError OnConflict = "error"
	// OnConflictSkip leaves the chunk as it is; of two in one load the first counts.
	OnConflictSkip OnConflict = "skip"
	// OnConflictReplace takes what the load has; of two in one load the last counts.
	OnConflictReplace OnConflict = "replace"
)

// faults are what is wrong with one chunk, a field each.
type faults []apperr.Field

func (f *faults) add(field, message string, args ...any) {
	*f = append(*f, apperr.Field{Location: field, Message: fmt.Sprintf(message, args...)})
}

// whole reports a number that a column of four bytes cannot hold.
func (f *faults) whole(field string, n int64) {
	if n < 0 || n > math.MaxInt32 {
		f.add(field, "must be 0 to %d", math.MaxInt32)
	}
}

// content reports a text that cannot be a chunk's; maxCharacters bounds it.
func (f *faults) content(text string, maxCharacters int) {
	switch {
	case text == "":
		f.add("content", "must not be empty")
	case len(text) > maxCharacters && utf8.RuneCountInString(text) > maxCharacters:
		f.add("content", "may have at most %d characters", maxCharacters)
	case strings.IndexByte(text, 0) >= 0:
		f.add("content", "must not contain NUL characters: without them the offsets would not be true any more")
	}
}

// vectorID reports what cannot be the name of a vector.
func (f *faults) vectorID(field, name string) {
	switch {
	case name == "" || utf8.RuneCountInString(name) > MaxVectorID:
		f.add(field, "must have 1 to %d characters", MaxVectorID)
	case strings.IndexByte(name, 0) >= 0:
		f.add(field, "must not contain NUL characters")
	}
}

// check tells what is wrong with the chunk; nothing when it is as it must be.
// maxCharacters bounds the content.
func (c NewChunk) check(maxCharacters int) faults {
	var f faults
	f.whole("chunk_index", int64(c.ChunkIndex))
	f.content(c.Content, maxCharacters)
	if c.StartOffset != nil {
		f.whole("start_offset", *c.StartOffset)
	}
	if c.EndOffset != nil {
		f.whole("end_offset", *c.EndOffset)
		if c.StartOffset != nil && *c.EndOffset < *c.StartOffset {
			f.add("end_offset", "must not be before start_offset")
		}
	}
	if c.TokenCount != nil {
		f.whole("token_count", int64(*c.TokenCount))
	}
	if c.EmbeddingVectorID != nil {
		f.vectorID("embedding_vector_id", *c.EmbeddingVectorID)
	}
	if problem := database.ObjectProblem(c.Metadata, MaxMetadata); problem != "" {
		f.add("metadata", "%s", problem)
	}
	return f
}
