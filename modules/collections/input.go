package collections

import (
	"encoding/json"

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
	// PipelineConfig is a graph of steps, which is checked and kept.
	PipelineConfig json.RawMessage
	// SparseIndexConfig is checked and has no effect.
	SparseIndexConfig json.RawMessage
	// Source is the collection's first source: source_type, which is upload or that of a
	// connector, source_path and source_config.
	Source json.RawMessage
}

// prepared is what follows from the input.
type prepared struct {
	chunking chunking
	// source is nil when none was given.
	source *SourceInput
}

// Validate checks every field and reports all that are wrong in form at once. What
// is wrong in meaning comes after: [ErrUnknownStrategy], [ErrBadChunkingConfig] and
// [ErrBadPipeline].
func (in CreateInput) Validate() error {
	_, err := in.prepare()
	return err
}

// prepare is [CreateInput.Validate] with what was read on the way.
func (in CreateInput) prepare() (prepared, error) {
	var p prepared
	var wrong faults
	wrong.name(in.Name)
	wrong.description(in.Description)
	wrong.word("embedding_model", in.EmbeddingModel)
	wrong.oneOf("quantization", in.Quantization, quantizations)
	wrong.chunkSize(in.ChunkSize, in.overlap())
	wrong.word("default_reranker_id", emptyIsNone(in.DefaultRerankerID))
	wrong.oneOf("sync_mode", in.SyncMode, syncModes)
	wrong.syncInterval(in.SyncIntervalMinutes)
	if valueOr(in.SyncMode, SyncOnce) == SyncContinuous && in.SyncIntervalMinutes == nil {
		wrong.addf("sync_interval_minutes", nil, "is required with sync_mode continuous")
	}
	wrong.object("metadata", in.Metadata)
	wrong.object("chunking_config", in.ChunkingConfig)
	wrong.object("extraction_config", in.ExtractionConfig)
	wrong.object("pipeline_config", in.PipelineConfig)
	wrong.sparseIndex(in.SparseIndexConfig)
	p.source = wrong.source(in.Source)
	if object(in.ChunkingConfig) != nil && in.ChunkingStrategy == nil {
		wrong.addf("chunking_config", nil, "needs a chunking_strategy")
	}
	if err := apperr.InvalidFields(wrong); err != nil {
		return p, err
	}
	var err error
	if p.chunking, err = in.chunking(); err != nil {
		return p, err
	}
	return p, checkPipeline(in.PipelineConfig)
}

// overlap is the overlap asked for, or a default that fits a small chunk size.
func (in CreateInput) overlap() int {
	if in.ChunkOverlap != nil {
		return *in.ChunkOverlap
	}
	return defaultOverlap(valueOr(in.ChunkSize, DefaultChunkSize))
}

func defaultOverlap(size int) int { return min(DefaultChunkOverlap, size/5) }
