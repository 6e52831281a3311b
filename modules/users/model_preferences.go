package users

import (
	"encoding/json"
	"time"
)

// Preferences are how a user likes the console to be. Nothing else reads them.
type Preferences struct {
	Search             SearchPreferences
	CollectionDefaults CollectionDefaults
	Interface          InterfacePreferences
	// CreatedAt and UpdatedAt are the account's.
	CreatedAt time.Time
	UpdatedAt time.Time
}

// SearchPreferences are what a search begins with.
type SearchPreferences struct {
	TopK                int      `json:"top_k"`
	Mode                string   `json:"mode"`
	UseReranker         bool     `json:"use_reranker"`
	RRFK                int      `json:"rrf_k"`
	SimilarityThreshold *float64 `json:"similarity_threshold"`
	UseHyDE             bool     `json:"use_hyde"`
	HyDEQualityTier     string   `json:"hyde_quality_tier"`
	HyDETimeoutSeconds  int      `json:"hyde_timeout_seconds"`
}

// CollectionDefaults are what a new collection begins with.
type CollectionDefaults struct {
	EmbeddingModel   *string `json:"embedding_model"`
	Quantization     string  `json:"quantization"`
	ChunkingStrategy string  `json:"chunking_strategy"`
	ChunkSize        int     `json:"chunk_size"`
	ChunkOverlap     int     `json:"chunk_overlap"`
	EnableSparse     bool    `json:"enable_sparse"`
	SparseType       string  `json:"sparse_type"`
	EnableHybrid     bool    `json:"enable_hybrid"`
}

// InterfacePreferences are how the console looks and behaves.
type InterfacePreferences struct {
	DataRefreshIntervalMS    int  `json:"data_refresh_interval_ms"`
	VisualizationSampleLimit int  `json:"visualization_sample_limit"`
	AnimationEnabled         bool `json:"animation_enabled"`
}

// The sections of the preferences, by the names under which they are stored.
const (
	sectionSearch             = "search"
	sectionCollectionDefaults = "collection_defaults"
	sectionInterface          = "interface"
)

func defaultSearchPreferences() SearchPreferences {
	return SearchPreferences{TopK: 10, Mode: "dense", RRFK: 60, HyDEQualityTier: "low", HyDETimeoutSeconds: 30}
}

func defaultCollectionDefaults() CollectionDefaults {
	return CollectionDefaults{Quantization: "float16", ChunkingStrategy: "recursive", ChunkSize: 1024, ChunkOverlap: 200, SparseType: "bm25"}
}

func defaultInterfacePreferences() InterfacePreferences {
	return InterfacePreferences{DataRefreshIntervalMS: 30_000, VisualizationSampleLimit: 200_000, AnimationEnabled: true}
}

// readPreferences reads what is stored. A section that is absent, or that cannot be
// read, has its defaults: a preference is nothing to fail over.
func readPreferences(stored map[string]json.RawMessage) Preferences {
	return Preferences{
		Search:             readSection(stored[sectionSearch], defaultSearchPreferences),
		CollectionDefaults: readSection(stored[sectionCollectionDefaults], defaultCollectionDefaults),
		Interface:          readSection(stored[sectionInterface], defaultInterfacePreferences),
	}
}

func readSection[T any](stored json.RawMessage, defaults func() T) T {
	section := defaults()
	if len(stored) > 0 && json.Unmarshal(stored, &section) != nil {
		return defaults()
	}
	return section
}
