package chunks

import (
	"encoding/json"
	"unicode/utf8"

	"semantik/modules/chunks/split"
	"semantik/platform/web"
)

// chunkBody is a chunk on the wire, as a list gives it.
type chunkBody struct {
	ID           int64           `json:"id"`
	CollectionID web.UUID        `json:"collection_id"`
	DocumentID   *web.UUID       `json:"document_id"`
	ChunkIndex   int             `json:"chunk_index"`
	Content      string          `json:"content"`
	TokenCount   int             `json:"token_count" doc:"An estimate where the loader gave none: a quarter of the characters."`
	CharCount    int             `json:"char_count"`
	StartOffset  *int64          `json:"start_offset" doc:"Where the content begins in the document's text, in characters."`
	EndOffset    *int64          `json:"end_offset"`
	Metadata     json.RawMessage `json:"metadata"`
	CreatedAt    *web.Time       `json:"created_at"`
	UpdatedAt    *web.Time       `json:"updated_at"`
}

func newChunkBody(c Chunk) chunkBody {
	characters := utf8.RuneCountInString(c.Content)
	body := chunkBody{
		ID: c.ID, CollectionID: web.NewUUID(c.CollectionID), ChunkIndex: c.ChunkIndex, Content: c.Content,
		TokenCount: split.EstimateTokens(characters), CharCount: characters,
		StartOffset: c.StartOffset, EndOffset: c.EndOffset, Metadata: c.Metadata,
		CreatedAt: web.NewTimePointer(&c.CreatedAt), UpdatedAt: web.NewTimePointer(&c.UpdatedAt),
	}
	if c.TokenCount != nil {
		body.TokenCount = *c.TokenCount
	}
	if c.DocumentID != nil {
		id := web.NewUUID(*c.DocumentID)
		body.DocumentID = &id
	}
	return body
}

type chunkPageBody struct {
	Chunks   []chunkBody `json:"chunks"`
	Total    int64       `json:"total"`
	Page     int         `json:"page"`
	PageSize int         `json:"page_size"`
	HasNext  bool        `json:"has_next"`
	Next     *string     `json:"next" doc:"Continues the list by key, as the parameter after; null at its end."`
}

// oneChunkBody is a chunk on the wire, read by itself.
type oneChunkBody struct {
	ID           int64           `json:"id"`
	CollectionID web.UUID        `json:"collection_id"`
	DocumentID   *web.UUID       `json:"document_id"`
	ChunkIndex   int             `json:"chunk_index"`
	Content      string          `json:"content"`
	TokenCount   *int            `json:"token_count"`
	StartOffset  *int64          `json:"start_offset"`
	EndOffset    *int64          `json:"end_offset"`
	Metadata     json.RawMessage `json:"metadata"`
	CreatedAt    web.Time        `json:"created_at"`
	UpdatedAt    web.Time        `json:"updated_at"`
}

func newOneChunkBody(c Chunk) oneChunkBody {
	body := oneChunkBody{
		ID: c.ID, CollectionID: web.NewUUID(c.CollectionID), ChunkIndex: c.ChunkIndex, Content: c.Content,
		TokenCount: c.TokenCount, StartOffset: c.StartOffset, EndOffset: c.EndOffset, Metadata: c.Metadata,
		CreatedAt: web.NewTime(c.CreatedAt), UpdatedAt: web.NewTime(c.UpdatedAt),
	}
	if c.DocumentID != nil {
		id := web.NewUUID(*c.DocumentID)
		body.DocumentID = &id
	}
	return body
}
