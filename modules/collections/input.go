package collections

import (
	"encoding/json"
	"strings"

	"semantik/platform/apperr"
)

// quantizations are the values of [Collection.Quantization].
var quantizations = []string{"float32", "float16", "int8"}

// syncModes are the values of [Collection.SyncMode].
var syncModes = []string{SyncOnce, SyncContinuous}

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
	// SyncIntervalMinutes is required with the mode continuous.
	SyncIntervalMinutes *int
}

// Validate checks every field and reports all that are wrong at once; an unknown
// chunking strategy is [ErrUnknownStrategy].
func (in CreateInput) Validate() error {
	var wrong faults
	wrong.name(in.Name)
	wrong.description(in.Description)
	wrong.word("embedding_model", in.EmbeddingModel)
	wrong.oneOf("quantization", in.Quantization, quantizations)
	size, overlap := valueOr(in.ChunkSize, DefaultChunkSize), in.overlap()
	if size < MinChunkSize || size > MaxChunkSize {
		wrong.addf("chunk_size", size, "must be %d to %d characters", MinChunkSize, MaxChunkSize)
	}
	if overlap < 0 || overlap > MaxChunkOverlap {
		wrong.addf("chunk_overlap", overlap, "must be 0 to %d characters", MaxChunkOverlap)
	} else if overlap >= size {
		wrong.addf("chunk_overlap", overlap, "must be less than chunk_size, which is %d", size)
	}
	wrong.word("default_reranker_id", emptyIsNone(in.DefaultRerankerID))
	wrong.oneOf("sync_mode", in.SyncMode, syncModes)
	wrong.syncInterval(in.SyncIntervalMinutes)
	if valueOr(in.SyncMode, SyncOnce) == SyncContinuous && in.SyncIntervalMinutes == nil {
		wrong.addf("sync_interval_minutes", nil, "is required with sync_mode continuous")
	}
	wrong.object("metadata", in.Metadata)
	wrong.object("chunking_config", in.ChunkingConfig)
	wrong.object("extraction_config", in.ExtractionConfig)
	if object(in.ChunkingConfig) != nil && in.ChunkingStrategy == nil {
		wrong.addf("chunking_config", nil, "needs a chunking_strategy")
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
