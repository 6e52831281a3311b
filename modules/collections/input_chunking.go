package collections

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// Limits of chunk_size in a chunking configuration, in characters. They are wider
// than those of the collection's own chunk_size.
const (
	MinConfiguredChunkSize = 10
	MaxConfiguredChunkSize = 100_000
)

// chunking is how a collection's documents are cut.
type chunking struct {
	strategy *string
	// config is complete: what was not said has its default.
	config        json.RawMessage
	size, overlap int
}

// numeral is a number as JSON writes it, of a size that somebody may mean.
var numeral = regexp.MustCompile(`^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d{1,3})?$`)

// chunking completes how the documents are cut. What the configuration says goes
// before the collection's own fields, and is what they say from then on.
// [ErrBadChunkingConfig] for a size or an overlap that cannot be.
func (in CreateInput) chunking() (chunking, error) {
	c := chunking{size: valueOr(in.ChunkSize, DefaultChunkSize), overlap: in.overlap()}
	if in.ChunkingStrategy == nil {
		return c, nil
	}
	strategy, ok := strategies[strings.ToLower(strings.TrimSpace(*in.ChunkingStrategy))]
	if !ok {
		return c, ErrUnknownStrategy.WithMessagef("The chunking strategy %q is not known. Use one of recursive, markdown, character, semantic, hierarchical, hybrid.", *in.ChunkingStrategy)
	}
	c.strategy = &strategy
	members, err := readChunkingConfig(in.ChunkingConfig)
	if err != nil {
		return c, err
	}
	if err := c.take(members, in.ChunkOverlap); err != nil {
		return c, err
	}
	members["chunk_size"], members["chunk_overlap"] = c.size, c.overlap
	if _, given := members["preserve_sentences"]; !given {
		members["preserve_sentences"] = true
	}
	c.config, err = json.Marshal(members)
	return c, err
}

// take reads the size and the overlap that the configuration has. A size without
// an overlap has one that fits, unless the collection's own was given.
func (c *chunking) take(members map[string]any, ownOverlap *int) error {
	if value, given := members["chunk_size"]; given && value != nil {
		size, ok := wholeNumber(value)
		if !ok || size < MinConfiguredChunkSize || size > MaxConfiguredChunkSize {
			return badChunkingConfig("chunk_size must be a whole number from %d to %d", MinConfiguredChunkSize, MaxConfiguredChunkSize)
		}
		c.size = size
		if ownOverlap == nil {
			c.overlap = defaultOverlap(size)
		}
	}
	if value, given := members["chunk_overlap"]; given && value != nil {
		overlap, ok := wholeNumber(value)
		if !ok || overlap < 0 {
			return badChunkingConfig("chunk_overlap must be a whole number, 0 or more")
		}
		c.overlap = overlap
	}
	if c.overlap >= c.size {
		return badChunkingConfig("chunk_overlap, which is %d, must be less than chunk_size, which is %d", c.overlap, c.size)
	}
	return nil
}

// readChunkingConfig reads a configuration, whose members may be anything. A
// number or a truth value that was sent as a text becomes one; a number keeps its
// digits.
func readChunkingConfig(text json.RawMessage) (map[string]any, error) {
	members := map[string]any{}
	if object(text) == nil {
		return members, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(&members); err != nil {
		return nil, badChunkingConfig("it must be a JSON object")
	}
	for name, value := range members {
		if text, ok := value.(string); ok {
			members[name] = converted(text)
		}
	}
	return members, nil
}

func converted(text string) any {
	switch {
	case text == "true":
		return true
	case text == "false":
		return false
	case numeral.MatchString(text):
		return json.Number(text)
	default:
		return text
	}
}

// wholeNumber reads a number without a fraction, such as 512, 512.0 or 5.12e2.
func wholeNumber(value any) (int, bool) {
	number, ok := value.(json.Number)
	if !ok {
		return 0, false
	}
	if n, err := strconv.Atoi(number.String()); err == nil {
		return n, true
	}
	f, err := number.Float64()
	if err != nil || f != math.Trunc(f) || math.Abs(f) > MaxConfiguredChunkSize {
		return 0, false
	}
	return int(f), true
}

func badChunkingConfig(format string, args ...any) error {
	return ErrBadChunkingConfig.WithMessagef("The chunking_config is not valid: %s.", fmt.Sprintf(format, args...))
}
