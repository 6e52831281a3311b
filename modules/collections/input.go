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

// quantizations are the values of [Collection.Quantization].
var quantizations = []string{"float32", "float16", "int8"}

// nameForbids are the characters that a name may not contain: a name becomes
// part of file names in exports.
const nameForbids = `/\*?<>|:"`

// strategies maps every accepted name of a chunking strategy to the one that is
// stored.
var strategies = map[string]string{
	"character": "character", "char": "character", "fixed": "character", "fixed_size": "character",
	"sliding": "character", "window": "character", "sliding_window": "character",
	"recursive": "recursive", "recursive_text": "recursive",
	"markdown": "markdown", "md": "markdown", "document": "markdown", "document_structure": "markdown",
	"semantic": "semantic", "semantic_chunking": "semantic",
	"hierarchical": "hierarchical", "hierarchy": "hierarchical",
	"hybrid": "hybrid",
}

// CreateInput is what a new collection is made from. Nil means the default.
type CreateInput struct {
	Name              string
	Description       *string
	EmbeddingModel    *string
	Quantization      *string
	ChunkSize         *int
	ChunkOverlap      *int
	ChunkingStrategy  *string
	ChunkingConfig    json.RawMessage
	IsPublic          bool
	Metadata          json.RawMessage
	DefaultRerankerID *string
	ExtractionConfig  json.RawMessage
	SyncMode          *string
}

// Validate checks every field and reports all that are wrong at once; an unknown
// chunking strategy is [ErrUnknownStrategy].
func (in CreateInput) Validate() error {
	var wrong []apperr.Field
	fail := func(field string, value any, format string, args ...any) {
		wrong = append(wrong, apperr.Field{Location: "body." + field, Message: fmt.Sprintf(format, args...), Value: value})
	}
	if problem := checkName(in.Name); problem != "" {
		fail("name", in.Name, "%s", problem)
	}
	if in.Description != nil && utf8.RuneCountInString(*in.Description) > MaxDescription {
		fail("description", nil, "may be at most %d characters long", MaxDescription)
	}
	if in.EmbeddingModel != nil && (strings.TrimSpace(*in.EmbeddingModel) == "" || len(*in.EmbeddingModel) > MaxName) {
		fail("embedding_model", *in.EmbeddingModel, "must be 1 to %d characters long", MaxName)
	}
	if in.Quantization != nil && !slices.Contains(quantizations, *in.Quantization) {
		fail("quantization", *in.Quantization, "must be one of %s", strings.Join(quantizations, ", "))
	}
	size, overlap := valueOr(in.ChunkSize, DefaultChunkSize), in.overlap()
	if size < MinChunkSize || size > MaxChunkSize {
		fail("chunk_size", size, "must be %d to %d characters", MinChunkSize, MaxChunkSize)
	}
	if overlap < 0 || overlap > MaxChunkOverlap {
		fail("chunk_overlap", overlap, "must be 0 to %d characters", MaxChunkOverlap)
	} else if overlap >= size {
		fail("chunk_overlap", overlap, "must be less than chunk_size, which is %d", size)
	}
	if in.SyncMode != nil && *in.SyncMode != "one_time" {
		fail("sync_mode", *in.SyncMode, "must be one_time")
	}
	for _, o := range []struct {
		field string
		value json.RawMessage
	}{{"metadata", in.Metadata}, {"chunking_config", in.ChunkingConfig}, {"extraction_config", in.ExtractionConfig}} {
		if problem := database.ObjectProblem(o.value, MaxMetadataBytes); problem != "" {
			fail(o.field, nil, "%s", problem)
		}
	}
	if object(in.ChunkingConfig) != nil && in.ChunkingStrategy == nil {
		fail("chunking_config", nil, "needs a chunking_strategy")
	}
	if err := apperr.InvalidFields(wrong); err != nil {
		return err
	}
	if in.ChunkingStrategy != nil {
		if _, ok := strategies[strings.ToLower(*in.ChunkingStrategy)]; !ok {
			return ErrUnknownStrategy.WithMessagef("The chunking strategy %q is not known. Use one of recursive, markdown, character, semantic, hierarchical, hybrid.", *in.ChunkingStrategy)
		}
	}
	return nil
}

// overlap is the overlap asked for, or a default that fits a small chunk size.
func (in CreateInput) overlap() int {
	if in.ChunkOverlap != nil {
		return *in.ChunkOverlap
	}
	return min(DefaultChunkOverlap, valueOr(in.ChunkSize, DefaultChunkSize)/5)
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
