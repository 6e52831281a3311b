package split

import (
	"iter"
	"unicode/utf8"

	"semantik/platform/apperr"
)

// What a collection uses when it does not say otherwise, in characters.
const (
	DefaultSize    = 1000
	DefaultOverlap = 200
)

// charsPerToken is the estimate of TokenCount: English prose has about four
// characters a token in the usual vocabularies.
const charsPerToken = 4

// ErrInvalidUTF8 is returned for a text that is not valid UTF-8, in which
// offsets in characters would have no meaning.
var ErrInvalidUTF8 = apperr.New(apperr.Invalid, "text_invalid_utf8",
	"The text is not valid UTF-8, so it cannot be split into chunks.")

// Options are the limits of the chunks, in characters (Unicode code points).
type Options struct {
	// Size is the most characters that a chunk may have, 1 or more.
	Size int
	// Overlap is the most characters at the end of a chunk that the next one
	// repeats, 0 or more and less than Size. Fewer are repeated where that lets
	// the overlap begin at a sentence or a word, or lets the next paragraph
	// stay whole; none where a section ends. The work, and the volume of the
	// chunks, grow with Size / (Size - Overlap).
	Overlap int
}

// Validate reports every option that is out of range, as an error of kind
// Invalid.
func (o Options) Validate() error {
	var fields []apperr.Field
	if o.Size < 1 {
		fields = append(fields, apperr.Field{
			Location: "chunk_size", Message: "must be 1 or more", Value: o.Size,
		})
	}
	if o.Overlap < 0 || o.Overlap >= o.Size && o.Size > 0 {
		fields = append(fields, apperr.Field{
			Location: "chunk_overlap", Message: "must be 0 or more and less than chunk_size", Value: o.Overlap,
		})
	}
	return apperr.InvalidFields(fields)
}

// Chunk is a part of a text.
type Chunk struct {
	// Index counts the chunks of a text from 0.
	Index int
	// Content is the chunk itself, a substring of the text: never empty, never
	// only white space, without white space at its end. It begins with white
	// space only where that is the indentation of its first line.
	Content string
	// Start and End are offsets in characters (Unicode code points) of the
	// text: what start_offset and end_offset say at the API. End is exclusive.
	Start, End int
	// ByteStart and ByteEnd are the same places in bytes:
	// text[ByteStart:ByteEnd] is Content.
	ByteStart, ByteEnd int
	// TokenCount is an estimate: a quarter of the characters, rounded up.
	TokenCount int
}

// Recursive gives all chunks of a text; none for a text of only white space.
// It returns an error of kind Invalid for options that are out of range, and
// [ErrInvalidUTF8].
func Recursive(text string, o Options) ([]Chunk, error) {
	seq, err := Stream(text, o)
	if err != nil {
		return nil, err
	}
	var chunks []Chunk
	for c := range seq {
		chunks = append(chunks, c)
	}
	return chunks, nil
}

// Stream is [Recursive] one chunk after another, for a text whose chunks need
// not be held at once. The sequence may be ranged over more than once and
// starts again each time. Errors are those of [Recursive].
func Stream(text string, o Options) (iter.Seq[Chunk], error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if !utf8.ValidString(text) {
		return nil, ErrInvalidUTF8
	}
	return func(yield func(Chunk) bool) {
		newSplitter(text, o).run(yield)
	}, nil
}

// EstimateTokens is the TokenCount of so many characters.
func EstimateTokens(characters int) int {
	return (characters + charsPerToken - 1) / charsPerToken
}
