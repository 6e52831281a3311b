package users

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"semantik/platform/apperr"
)

// PreferencesInput has the sections to replace; nil leaves one alone. In a section
// that is given, nil is the default.
type PreferencesInput struct {
	Search             *SearchPreferencesInput
	CollectionDefaults *CollectionDefaultsInput
	Interface          *InterfacePreferencesInput
}

// SearchPreferencesInput is what [SearchPreferences] are made from.
type SearchPreferencesInput struct {
	TopK                *int
	Mode                *string
	UseReranker         *bool
	RRFK                *int
	SimilarityThreshold *float64
	UseHyDE             *bool
	HyDEQualityTier     *string
	HyDETimeoutSeconds  *int
}

// CollectionDefaultsInput is what [CollectionDefaults] are made from.
type CollectionDefaultsInput struct {
	EmbeddingModel   *string
	Quantization     *string
	ChunkingStrategy *string
	ChunkSize        *int
	ChunkOverlap     *int
	EnableSparse     *bool
	SparseType       *string
	EnableHybrid     *bool
}

// InterfacePreferencesInput is what [InterfacePreferences] are made from.
type InterfacePreferencesInput struct {
	DataRefreshIntervalMS    *int
	VisualizationSampleLimit *int
	AnimationEnabled         *bool
}

// ChunkingStrategyNames are the strategies that one may prefer; each is accepted
// when a collection is made.
var ChunkingStrategyNames = []string{
	"character", "fixed_size", "recursive", "markdown", "semantic", "hierarchical", "hybrid", "sliding_window", "document_structure",
}

// maxModelName bounds the name of an embedding model, as a collection does.
const maxModelName = 255

// sections are the sections that the input gives, complete and by their names, or
// every wrong field at once.
func (in PreferencesInput) sections() (map[string]any, error) {
	var c preferenceCheck
	found := map[string]any{}
	if in.Search != nil {
		found[sectionSearch] = in.Search.preferences(c.in(sectionSearch))
	}
	if in.CollectionDefaults != nil {
		found[sectionCollectionDefaults] = in.CollectionDefaults.preferences(c.in(sectionCollectionDefaults))
	}
	if in.Interface != nil {
		found[sectionInterface] = in.Interface.preferences(c.in(sectionInterface))
	}
	return found, apperr.InvalidFields(c.wrong)
}

func (in SearchPreferencesInput) preferences(c *preferenceCheck) SearchPreferences {
	p := defaultSearchPreferences()
	c.number("top_k", in.TopK, &p.TopK, 1, 250)
	c.word("mode", in.Mode, &p.Mode, "dense", "sparse", "hybrid")
	set(&p.UseReranker, in.UseReranker)
	c.number("rrf_k", in.RRFK, &p.RRFK, 1, 1000)
	if t := in.SimilarityThreshold; t != nil && !(*t >= 0 && *t <= 1) {
		c.failf("similarity_threshold", *t, "must be 0 to 1, or null")
	}
	p.SimilarityThreshold = in.SimilarityThreshold
	set(&p.UseHyDE, in.UseHyDE)
	c.word("hyde_quality_tier", in.HyDEQualityTier, &p.HyDEQualityTier, "low", "medium", "high")
	c.number("hyde_timeout_seconds", in.HyDETimeoutSeconds, &p.HyDETimeoutSeconds, 1, 300)
	return p
}

func (in CollectionDefaultsInput) preferences(c *preferenceCheck) CollectionDefaults {
	p := defaultCollectionDefaults()
	if m := in.EmbeddingModel; m != nil {
		if strings.TrimSpace(*m) == "" || utf8.RuneCountInString(*m) > maxModelName || strings.Contains(*m, "\x00") {
			c.failf("embedding_model", *m, "must be 1 to %d characters long, or null", maxModelName)
		}
		p.EmbeddingModel = m
	}
	c.word("quantization", in.Quantization, &p.Quantization, "float32", "float16", "int8")
	c.word("chunking_strategy", in.ChunkingStrategy, &p.ChunkingStrategy, ChunkingStrategyNames...)
	sizeFits := c.number("chunk_size", in.ChunkSize, &p.ChunkSize, 100, 10_000)
	if in.ChunkOverlap == nil {
		// The default fits a small size, too.
		p.ChunkOverlap = min(p.ChunkOverlap, p.ChunkSize/5)
	}
	overlapFits := c.number("chunk_overlap", in.ChunkOverlap, &p.ChunkOverlap, 0, 1000)
	if sizeFits && overlapFits && p.ChunkOverlap >= p.ChunkSize {
		c.failf("chunk_overlap", p.ChunkOverlap, "must be less than chunk_size, which is %d", p.ChunkSize)
	}
	set(&p.EnableSparse, in.EnableSparse)
	c.word("sparse_type", in.SparseType, &p.SparseType, "bm25", "splade")
	set(&p.EnableHybrid, in.EnableHybrid)
	return p
}

func (in InterfacePreferencesInput) preferences(c *preferenceCheck) InterfacePreferences {
	p := defaultInterfacePreferences()
	c.number("data_refresh_interval_ms", in.DataRefreshIntervalMS, &p.DataRefreshIntervalMS, 1000, 3_600_000)
	c.number("visualization_sample_limit", in.VisualizationSampleLimit, &p.VisualizationSampleLimit, 100, 10_000_000)
	set(&p.AnimationEnabled, in.AnimationEnabled)
	return p
}

// preferenceCheck collects what is wrong, section by section.
type preferenceCheck struct {
	section string
	wrong   []apperr.Field
}

func (c *preferenceCheck) in(section string) *preferenceCheck {
	c.section = section
	return c
}

func (c *preferenceCheck) failf(field string, value any, format string, args ...any) {
	c.wrong = append(c.wrong, apperr.Field{
		Location: "body." + c.section + "." + field, Message: fmt.Sprintf(format, args...), Value: value,
	})
}

// number takes a number over, if one is given and it is within the limits, and
// reports whether it was none or a good one.
func (c *preferenceCheck) number(field string, given, into *int, least, most int) bool {
	set(into, given)
	if *into >= least && *into <= most {
		return true
	}
	c.failf(field, *into, "must be %d to %d", least, most)
	return false
}

// word takes a word over, if one is given and it is among those known.
func (c *preferenceCheck) word(field string, given, into *string, known ...string) {
	set(into, given)
	if !slices.Contains(known, *into) {
		c.failf(field, *into, "must be one of %s", strings.Join(known, ", "))
	}
}

// set takes over what is given.
func set[T any](into, given *T) {
	if given != nil {
		*into = *given
	}
}
