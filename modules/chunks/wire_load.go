package chunks

import (
	stdjson "encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/google/uuid"

	"semantik/platform/apperr"
)

// maxMetadataDepth is how deep a chunk's metadata may be nested: as deep as any
// JSON that the API takes.
const maxMetadataDepth = 100

// loadedChunkBody is a chunk as a loader sends it. What a chunk has that was read, and
// that is the server's to give, is passed over, so that what an export gives can be
// loaded again; any other member is refused, because it is a misspelt one.
type loadedChunkBody struct {
	DocumentID        *string        `json:"document_id,omitempty" format:"uuid" doc:"A document of this collection; null or absent for none."`
	ChunkIndex        *int64         `json:"chunk_index" minimum:"0" maximum:"2147483647" doc:"The place in the document. A document has each once."`
	Content           *string        `json:"content" minLength:"1" maxLength:"1000000" doc:"No NUL characters."`
	StartOffset       *int64         `json:"start_offset,omitempty" minimum:"0" maximum:"2147483647"`
	EndOffset         *int64         `json:"end_offset,omitempty" minimum:"0" maximum:"2147483647"`
	TokenCount        *int64         `json:"token_count,omitempty" minimum:"0" maximum:"2147483647"`
	EmbeddingVectorID *string        `json:"embedding_vector_id,omitempty" minLength:"1" maxLength:"255"`
	Enabled           *bool          `json:"enabled,omitempty" doc:"False for a chunk that no search finds. One that is replaced stays as it is in this."`
	Metadata          jsontext.Value `json:"metadata,omitempty" doc:"An object of at most 64 KiB."`

	ID           jsontext.Value `json:"id,omitempty"`
	CollectionID jsontext.Value `json:"collection_id,omitempty"`
	CharCount    jsontext.Value `json:"char_count,omitempty"`
	EditedAt     jsontext.Value `json:"edited_at,omitempty"`
	CreatedAt    jsontext.Value `json:"created_at,omitempty"`
	UpdatedAt    jsontext.Value `json:"updated_at,omitempty"`
}

// place is where a chunk stands in what was sent, for people and for programs.
type place struct {
	// line counts from 1; 0 in a JSON array.
	line int
	// index counts from 0, in the JSON array of that name.
	array string
	index int
}

// text is the place in a sentence.
func (p place) text() string {
	if p.line > 0 {
		return fmt.Sprintf("Line %d", p.line)
	}
	return fmt.Sprintf("Element %d of %s", p.index, p.array)
}

// location is where a field is, as errors name it.
func (p place) location(field string) string {
	at := fmt.Sprintf("line %d", p.line)
	if p.line == 0 {
		at = fmt.Sprintf("body.%s[%d]", p.array, p.index)
	}
	if field == "" {
		return at
	}
	return at + "." + field
}

// refuse makes the faults of one chunk the load's error.
func (p place) refuse(f faults) error { return p.refuseWith(ErrBadChunk, f) }

// refuseWith makes the faults of one line, or element, an error of that code.
func (p place) refuseWith(e *apperr.Error, f faults) error {
	e = e.WithMessagef("%s: %s %s. Nothing was changed.", p.text(), orIt(f[0].Location), f[0].Message)
	for _, field := range f {
		field.Location = p.location(field.Location)
		e.Fields = append(e.Fields, field)
	}
	if p.line > 0 {
		return e.WithDetail("line", p.line)
	}
	return e.WithDetail("index", p.index)
}

func orIt(field string) string {
	if field == "" {
		return "it"
	}
	return field
}

// decodeChunk reads one chunk. It is strict: a name that stands twice, bytes that
// are not UTF-8, half a surrogate pair and unknown members are refused.
func decodeChunk(data []byte, at place, maxCharacters int) (NewChunk, error) {
	var body loadedChunkBody
	if err := json.Unmarshal(data, &body, json.RejectUnknownMembers(true)); err != nil {
		return NewChunk{}, at.refuse(faults{faultOf(err)})
	}
	chunk, f := body.chunk()
	if len(f) == 0 {
		f = chunk.check(maxCharacters)
	}
	if len(f) > 0 {
		return NewChunk{}, at.refuse(f)
	}
	return chunk, nil
}

// chunk is what the body says, with what is wrong in form.
func (b *loadedChunkBody) chunk() (NewChunk, faults) {
	c := NewChunk{
		StartOffset: b.StartOffset, EndOffset: b.EndOffset, EmbeddingVectorID: b.EmbeddingVectorID,
		Disabled: b.Enabled != nil && !*b.Enabled,
	}
	var f faults
	if b.DocumentID != nil {
		id, err := uuid.Parse(*b.DocumentID)
		if err != nil || id.Version() != 4 || len(*b.DocumentID) != 36 {
			f.add("document_id", "must be a version 4 UUID")
		}
		c.DocumentID = &id
	}
	if b.ChunkIndex == nil {
		f.add("chunk_index", "is missing")
	} else {
		c.ChunkIndex = int(*b.ChunkIndex)
	}
	if b.Content == nil {
		f.add("content", "is missing")
	} else {
		c.Content = *b.Content
	}
	if b.TokenCount != nil {
		n := int(*b.TokenCount)
		c.TokenCount = &n
	}
	if len(b.Metadata) > 0 && b.Metadata.Kind() != 'n' {
		if depth(b.Metadata) > maxMetadataDepth {
			f.add("metadata", "is nested deeper than %d levels", maxMetadataDepth)
			return c, f
		}
		c.Metadata = stdjson.RawMessage(b.Metadata)
	}
	return c, f
}

// depth is how deep a JSON text is nested.
func depth(value []byte) int {
	level, deepest, text := 0, 0, false
	for i := 0; i < len(value); i++ {
		switch b := value[i]; {
		case text && b == '\\':
			i++ // what is escaped ends nothing
		case b == '"':
			text = !text
		case text:
		case b == '{' || b == '[':
			level++
			deepest = max(deepest, level)
		case b == '}' || b == ']':
			level--
		}
	}
	return deepest
}

// faultOf says in the caller's terms what a decoder found.
func faultOf(err error) apperr.Field {
	if semantic, ok := errors.AsType[*json.SemanticError](err); ok {
		field := fieldOf(semantic.JSONPointer)
		switch {
		case errors.Is(err, json.ErrUnknownName):
			return apperr.Field{Message: fmt.Sprintf("has a member %q, which there is not", shorten(field))}
		case field == "":
			return apperr.Field{Message: "must be a JSON object"}
		default:
			return apperr.Field{Location: field, Message: "must be " + wanted(field)}
		}
	}
	if syntactic, ok := errors.AsType[*jsontext.SyntacticError](err); ok {
		field := fieldOf(syntactic.JSONPointer)
		if errors.Is(err, jsontext.ErrDuplicateName) {
			name := syntactic.JSONPointer.LastToken()
			if syntactic.JSONPointer.Parent() == "" {
				field = "" // it is one of the object's own
			}
			return apperr.Field{Location: field, Message: fmt.Sprintf("has the member %q twice", shorten(name))}
		}
		return apperr.Field{Message: "is not valid JSON: " + syntaxText(syntactic)}
	}
	return apperr.Field{Message: "is not valid JSON"}
}

// fieldOf is the member of the chunk that a pointer leads to, or into.
func fieldOf(p jsontext.Pointer) string {
	for token := range p.Tokens() {
		return token
	}
	return ""
}

// wanted is what a member must be.
func wanted(field string) string {
	switch field {
	case "document_id", "content", "embedding_vector_id":
		return "a string"
	case "metadata":
		return "a JSON object"
	case "enabled":
		return "true or false"
	default:
		return "a whole number"
	}
}

// shorten keeps what a client made up within a sentence.
func shorten(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
