package users

import "semantik/platform/web"

// preferencesBody is a user's preferences on the wire. Every key is always there.
type preferencesBody struct {
	Search             searchPreferencesBody    `json:"search"`
	CollectionDefaults collectionDefaultsBody   `json:"collection_defaults"`
	Interface          interfacePreferencesBody `json:"interface"`
	CreatedAt          web.Time                 `json:"created_at"`
	UpdatedAt          web.Time                 `json:"updated_at"`
}

type searchPreferencesBody struct {
	TopK                int      `json:"top_k"`
	Mode                string   `json:"mode" enum:"dense,sparse,hybrid"`
	UseReranker         bool     `json:"use_reranker"`
	RRFK                int      `json:"rrf_k"`
	SimilarityThreshold *float64 `json:"similarity_threshold"`
	UseHyDE             bool     `json:"use_hyde"`
	HyDEQualityTier     string   `json:"hyde_quality_tier" enum:"low,medium,high"`
	HyDETimeoutSeconds  int      `json:"hyde_timeout_seconds"`
}

type collectionDefaultsBody struct {
	EmbeddingModel   *string `json:"embedding_model"`
	Quantization     string  `json:"quantization" enum:"float32,float16,int8"`
	ChunkingStrategy string  `json:"chunking_strategy"`
	ChunkSize        int     `json:"chunk_size"`
	ChunkOverlap     int     `json:"chunk_overlap"`
	EnableSparse     bool    `json:"enable_sparse"`
	SparseType       string  `json:"sparse_type" enum:"bm25,splade"`
	EnableHybrid     bool    `json:"enable_hybrid"`
}

type interfacePreferencesBody struct {
	DataRefreshIntervalMS    int  `json:"data_refresh_interval_ms"`
	VisualizationSampleLimit int  `json:"visualization_sample_limit"`
	AnimationEnabled         bool `json:"animation_enabled"`
}

func newPreferencesBody(p Preferences) preferencesBody {
	return preferencesBody{
		Search: searchPreferencesBody(p.Search), CollectionDefaults: collectionDefaultsBody(p.CollectionDefaults),
		Interface: interfacePreferencesBody(p.Interface),
		CreatedAt: web.NewTime(p.CreatedAt), UpdatedAt: web.NewTime(p.UpdatedAt),
	}
}

// putPreferencesBody is validated by [PreferencesInput], which names every wrong
// field at once. Members that are not known are ignored, so that what was read can
// be sent back as it is, and a console that is newer than its server still saves.
type putPreferencesBody struct {
	_                  struct{}                     `additionalProperties:"true"`
	Search             *putSearchPreferencesBody    `json:"search,omitempty"`
	CollectionDefaults *putCollectionDefaultsBody   `json:"collection_defaults,omitempty"`
	Interface          *putInterfacePreferencesBody `json:"interface,omitempty"`
}

type putSearchPreferencesBody struct {
	_                   struct{} `additionalProperties:"true"`
	TopK                *int     `json:"top_k,omitempty" nullable:"true" doc:"1 to 250; 10 if absent."`
	Mode                *string  `json:"mode,omitempty" nullable:"true" doc:"dense, sparse or hybrid; dense if absent."`
	UseReranker         *bool    `json:"use_reranker,omitempty" nullable:"true"`
	RRFK                *int     `json:"rrf_k,omitempty" nullable:"true" doc:"1 to 1000; 60 if absent."`
	SimilarityThreshold *float64 `json:"similarity_threshold,omitempty" nullable:"true" doc:"0 to 1; none if absent or null."`
	UseHyDE             *bool    `json:"use_hyde,omitempty" nullable:"true"`
	HyDEQualityTier     *string  `json:"hyde_quality_tier,omitempty" nullable:"true" doc:"low, medium or high; low if absent."`
	HyDETimeoutSeconds  *int     `json:"hyde_timeout_seconds,omitempty" nullable:"true" doc:"1 to 300; 30 if absent."`
}

type putCollectionDefaultsBody struct {
	_                struct{} `additionalProperties:"true"`
	EmbeddingModel   *string  `json:"embedding_model,omitempty" nullable:"true" doc:"None in particular if absent or null."`
	Quantization     *string  `json:"quantization,omitempty" nullable:"true" doc:"float32, float16 or int8; float16 if absent."`
	ChunkingStrategy *string  `json:"chunking_strategy,omitempty" nullable:"true" doc:"recursive if absent."`
	ChunkSize        *int     `json:"chunk_size,omitempty" nullable:"true" doc:"100 to 10000; 1024 if absent."`
	ChunkOverlap     *int     `json:"chunk_overlap,omitempty" nullable:"true" doc:"0 to 1000 and less than chunk_size; 200 if absent, or a fifth of a smaller chunk_size."`
	EnableSparse     *bool    `json:"enable_sparse,omitempty" nullable:"true"`
	SparseType       *string  `json:"sparse_type,omitempty" nullable:"true" doc:"bm25 or splade; bm25 if absent."`
	EnableHybrid     *bool    `json:"enable_hybrid,omitempty" nullable:"true"`
}

type putInterfacePreferencesBody struct {
	_                        struct{} `additionalProperties:"true"`
	DataRefreshIntervalMS    *int     `json:"data_refresh_interval_ms,omitempty" nullable:"true" doc:"1000 to 3600000; 30000 if absent."`
	VisualizationSampleLimit *int     `json:"visualization_sample_limit,omitempty" nullable:"true" doc:"100 to 10000000; 200000 if absent."`
	AnimationEnabled         *bool    `json:"animation_enabled,omitempty" nullable:"true"`
}

func (b putPreferencesBody) input() PreferencesInput {
	var in PreferencesInput
	if s := b.Search; s != nil {
		in.Search = &SearchPreferencesInput{
			TopK: s.TopK, Mode: s.Mode, UseReranker: s.UseReranker, RRFK: s.RRFK, SimilarityThreshold: s.SimilarityThreshold,
			UseHyDE: s.UseHyDE, HyDEQualityTier: s.HyDEQualityTier, HyDETimeoutSeconds: s.HyDETimeoutSeconds,
		}
	}
	if d := b.CollectionDefaults; d != nil {
		in.CollectionDefaults = &CollectionDefaultsInput{
			EmbeddingModel: d.EmbeddingModel, Quantization: d.Quantization, ChunkingStrategy: d.ChunkingStrategy,
			ChunkSize: d.ChunkSize, ChunkOverlap: d.ChunkOverlap,
			EnableSparse: d.EnableSparse, SparseType: d.SparseType, EnableHybrid: d.EnableHybrid,
		}
	}
	if i := b.Interface; i != nil {
		in.Interface = &InterfacePreferencesInput{
			DataRefreshIntervalMS: i.DataRefreshIntervalMS, VisualizationSampleLimit: i.VisualizationSampleLimit,
			AnimationEnabled: i.AnimationEnabled,
		}
	}
	return in
}
