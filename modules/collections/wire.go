package collections

import (
	"encoding/json"

	"semantik/platform/web"
)

// collectionBody is a collection on the wire. Every key is always there.
type collectionBody struct {
	Name                   string          `json:"name"`
	Description            *string         `json:"description"`
	EmbeddingModel         string          `json:"embedding_model"`
	Quantization           string          `json:"quantization"`
	ChunkSize              *int            `json:"chunk_size"`
	ChunkOverlap           *int            `json:"chunk_overlap"`
	ChunkingStrategy       *string         `json:"chunking_strategy"`
	ChunkingConfig         json.RawMessage `json:"chunking_config"`
	IsPublic               bool            `json:"is_public"`
	Metadata               json.RawMessage `json:"metadata"`
	DefaultRerankerID      *string         `json:"default_reranker_id"`
	ExtractionConfig       json.RawMessage `json:"extraction_config"`
	ID                     web.UUID        `json:"id"`
	OwnerID                int64           `json:"owner_id"`
	VectorStoreName        string          `json:"vector_store_name"`
	CreatedAt              web.Time        `json:"created_at"`
	UpdatedAt              web.Time        `json:"updated_at"`
	DocumentCount          int64           `json:"document_count"`
	VectorCount            int64           `json:"vector_count" doc:"The chunks that a search can find."`
	TotalSizeBytes         int64           `json:"total_size_bytes"`
	Status                 Status          `json:"status" enum:"pending,ready,processing,error,degraded"`
	StatusMessage          *string         `json:"status_message"`
	ErrorCount             int64           `json:"error_count" doc:"The documents that failed."`
	InitialOperationID     *web.UUID       `json:"initial_operation_id" doc:"Only in the answer that made the collection."`
	SyncMode               string          `json:"sync_mode" enum:"one_time,continuous"`
	SyncIntervalMinutes    *int            `json:"sync_interval_minutes"`
	SyncPausedAt           *web.Time       `json:"sync_paused_at"`
	SyncNextRunAt          *web.Time       `json:"sync_next_run_at"`
	SyncLastRunStartedAt   *web.Time       `json:"sync_last_run_started_at"`
	SyncLastRunCompletedAt *web.Time       `json:"sync_last_run_completed_at"`
	SyncLastRunStatus      *string         `json:"sync_last_run_status"`
	SyncLastError          *string         `json:"sync_last_error"`
}

func newCollectionBody(c Collection, failedDocuments int64) collectionBody {
	return collectionBody{
		Name: c.Name, Description: c.Description, EmbeddingModel: c.EmbeddingModel, Quantization: c.Quantization,
		ChunkSize: &c.ChunkSize, ChunkOverlap: &c.ChunkOverlap, ChunkingStrategy: c.ChunkingStrategy,
		ChunkingConfig: c.ChunkingConfig, IsPublic: c.IsPublic, Metadata: c.Meta, DefaultRerankerID: c.DefaultRerankerID,
		ExtractionConfig: c.ExtractionConfig, ID: web.NewUUID(c.ID), OwnerID: c.OwnerID, VectorStoreName: c.VectorStoreName,
		CreatedAt: web.NewTime(c.CreatedAt), UpdatedAt: web.NewTime(c.UpdatedAt),
		DocumentCount: c.DocumentCount, VectorCount: c.VectorCount, TotalSizeBytes: c.TotalSizeBytes,
		Status: c.Status, StatusMessage: c.StatusMessage, ErrorCount: failedDocuments,
		SyncMode: c.SyncMode, SyncIntervalMinutes: c.SyncIntervalMinutes,
		SyncPausedAt: web.NewTimePointer(c.SyncPausedAt), SyncNextRunAt: web.NewTimePointer(c.SyncNextRunAt),
		SyncLastRunStartedAt:   web.NewTimePointer(c.SyncLastRunStartedAt),
		SyncLastRunCompletedAt: web.NewTimePointer(c.SyncLastRunCompletedAt),
		SyncLastRunStatus:      c.SyncLastRunStatus, SyncLastError: c.SyncLastError,
	}
}

// createBody is validated by [CreateInput.Validate], which names every wrong
// field at once. Members that are not known are ignored.
type createBody struct {
	_                   struct{}        `additionalProperties:"true"`
	Name                string          `json:"name" doc:"1 to 255 characters, none of / \\ * ? < > | : \"."`
	Description         *string         `json:"description,omitempty"`
	EmbeddingModel      *string         `json:"embedding_model,omitempty" doc:"Kept; a search is by words for now, whatever it is."`
	Quantization        *string         `json:"quantization,omitempty" doc:"float32, float16 or int8; float16 if absent."`
	ChunkSize           *int            `json:"chunk_size,omitempty" doc:"Characters, 100 to 10000; 1000 if absent."`
	ChunkOverlap        *int            `json:"chunk_overlap,omitempty" doc:"Characters, 0 to 1000 and less than chunk_size; 200 if absent."`
	ChunkingStrategy    *string         `json:"chunking_strategy,omitempty"`
	ChunkingConfig      json.RawMessage `json:"chunking_config,omitempty" doc:"An object; its chunk_size, 10 to 100000, and chunk_overlap go before the collection's. What it does not say has its default, and what is not known is kept."`
	IsPublic            bool            `json:"is_public,omitempty"`
	Metadata            json.RawMessage `json:"metadata,omitempty"`
	DefaultRerankerID   *string         `json:"default_reranker_id,omitempty"`
	ExtractionConfig    json.RawMessage `json:"extraction_config,omitempty"`
	SyncMode            *string         `json:"sync_mode,omitempty" doc:"one_time or continuous; one_time if absent."`
	SyncIntervalMinutes *int            `json:"sync_interval_minutes,omitempty" doc:"15 or more; required with sync_mode continuous."`
	PipelineConfig      json.RawMessage `json:"pipeline_config,omitempty" doc:"A graph of nodes and edges, which is checked and kept, and not returned."`
	SparseIndexConfig   json.RawMessage `json:"sparse_index_config,omitempty" doc:"Checked, and has no effect: every collection is searched by words."`
	Source              json.RawMessage `json:"source,omitempty" doc:"The first source: an object with source_type, which is upload or one of those that GET /api/v2/connectors lists, source_path and source_config."`
}

func (b createBody) input() CreateInput {
	return CreateInput{
		Name: b.Name, Description: b.Description, EmbeddingModel: b.EmbeddingModel, Quantization: b.Quantization,
		ChunkSize: b.ChunkSize, ChunkOverlap: b.ChunkOverlap, ChunkingStrategy: b.ChunkingStrategy, ChunkingConfig: b.ChunkingConfig,
		IsPublic: b.IsPublic, Metadata: b.Metadata, DefaultRerankerID: b.DefaultRerankerID, ExtractionConfig: b.ExtractionConfig,
		SyncMode: b.SyncMode, SyncIntervalMinutes: b.SyncIntervalMinutes, PipelineConfig: b.PipelineConfig,
		SparseIndexConfig: b.SparseIndexConfig, Source: b.Source,
	}
}

type collectionListBody struct {
	Collections []collectionBody `json:"collections"`
	web.PageInfo
}
