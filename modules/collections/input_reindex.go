package collections

import (
	"bytes"
	"encoding/json"
	"io"

	"semantik/platform/apperr"
)

// ReindexInput says how a collection's documents are to be cut from now on. Nil leaves
// it as it is.
type ReindexInput struct {
	EmbeddingModel   *string
	Quantization     *string
	ChunkSize        *int
	ChunkOverlap     *int
	ChunkingStrategy *string
	ChunkingConfig   json.RawMessage
	// OverwriteEdited has documents cut anew although people have edited their chunks.
	OverwriteEdited bool
}

// validate checks the form of every field and reports all that are wrong at once.
func (in ReindexInput) validate(c Collection) error {
	var wrong faults
	wrong.word("embedding_model", in.EmbeddingModel)
	wrong.oneOf("quantization", in.Quantization, quantizations)
	if in.ChunkSize != nil || in.ChunkOverlap != nil {
		size, overlap := in.sizes(c)
		if in.ChunkSize == nil { // it may have come from a configuration, which may go further
			size = min(max(size, MinChunkSize), MaxChunkSize)
		}
		wrong.chunkSize(&size, overlap)
	}
	wrong.object("chunking_config", in.ChunkingConfig)
	if object(in.ChunkingConfig) != nil && in.ChunkingStrategy == nil && c.ChunkingStrategy == nil {
		wrong.addf("chunking_config", nil, "needs a chunking_strategy")
	}
	return apperr.InvalidFields(wrong)
}

// sizes are the size and the overlap that the input's own fields come to. A size
// without an overlap keeps that of the collection where it fits.
func (in ReindexInput) sizes(c Collection) (size, overlap int) {
	size, overlap = valueOr(in.ChunkSize, c.ChunkSize), c.ChunkOverlap
	switch {
	case in.ChunkOverlap != nil:
		overlap = *in.ChunkOverlap
	case overlap >= size:
		overlap = defaultOverlap(size)
	}
	return size, overlap
}

// chunking is how the documents are cut from now on. A configuration that is not given
// stays with its strategy, but for what the input's own fields say.
func (in ReindexInput) chunking(c Collection) (chunking, error) {
	size, overlap := in.sizes(c)
	strategy := in.ChunkingStrategy
	if strategy == nil {
		strategy = c.ChunkingStrategy
	}
	config := object(in.ChunkingConfig)
	if config == nil && (in.ChunkingStrategy == nil || sameStrategy(*in.ChunkingStrategy, c.ChunkingStrategy)) {
		kept, err := readChunkingConfig(c.ChunkingConfig)
		if err != nil {
			return chunking{}, err
		}
		delete(kept, "chunk_size")
		delete(kept, "chunk_overlap")
		if config, err = json.Marshal(kept); err != nil {
			return chunking{}, err
		}
	}
	return CreateInput{ChunkSize: &size, ChunkOverlap: &overlap, ChunkingStrategy: strategy, ChunkingConfig: config}.chunking()
}

func sameStrategy(name string, stored *string) bool {
	return stored != nil && strategies[name] == *stored
}

// reindexConfig is what of a collection a reindex may change, as its operation tells.
func reindexConfig(c Collection) map[string]any {
	return map[string]any{
		"embedding_model": c.EmbeddingModel, "quantization": c.Quantization,
		"chunk_size": c.ChunkSize, "chunk_overlap": c.ChunkOverlap,
		"chunking_strategy": c.ChunkingStrategy, "chunking_config": c.ChunkingConfig,
	}
}

var errReindexMalformed = apperr.New(apperr.Malformed, "malformed_json",
	"The body is not valid JSON. It must be an object, or absent.")

// maxReindexBody bounds the JSON that says how to reindex, in bytes.
const maxReindexBody = MaxMetadataBytes + 16<<10

// ReadReindexInput reads the body of a request: an object of which unknown members are
// passed over, or nothing at all.
func ReadReindexInput(body io.Reader) (ReindexInput, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxReindexBody+1))
	if err != nil {
		return ReindexInput{}, err
	}
	if len(data) > maxReindexBody {
		return ReindexInput{}, apperr.Newf(apperr.TooLarge, "body_too_large", "The JSON may have at most %d KiB.", maxReindexBody>>10)
	}
	if data = bytes.TrimSpace(data); len(data) == 0 || string(data) == "null" {
		return ReindexInput{}, nil
	}
	if !json.Valid(data) {
		return ReindexInput{}, errReindexMalformed
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(data, &members) != nil {
		return ReindexInput{}, apperr.InvalidFields([]apperr.Field{{Location: "body", Message: "must be a JSON object"}})
	}
	var in ReindexInput
	var wrong faults
	read := func(name, what string, into any) {
		if value, there := members[name]; there && json.Unmarshal(value, into) != nil {
			wrong.addf(name, nil, "must be %s", what)
		}
	}
	read("embedding_model", "a text", &in.EmbeddingModel)
	read("quantization", "a text", &in.Quantization)
	read("chunk_size", "a whole number", &in.ChunkSize)
	read("chunk_overlap", "a whole number", &in.ChunkOverlap)
	read("chunking_strategy", "a text", &in.ChunkingStrategy)
	read("overwrite_edited", "true or false", &in.OverwriteEdited)
	in.ChunkingConfig = members["chunking_config"]
	return in, apperr.InvalidFields(wrong)
}
