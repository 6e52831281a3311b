package chunks

import (
	"encoding/json"

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
	ChunkMarks
}

// ChunkMarks are what a chunk has besides its text. It is exported because Huma looks
// into no other embedded type.
type ChunkMarks struct {
	EmbeddingVectorID *string   `json:"embedding_vector_id" doc:"The chunk's vector in a store of vectors."`
	Enabled           bool      `json:"enabled" doc:"False for a chunk that no search finds."`
	EditedAt          *web.Time `json:"edited_at" doc:"When somebody changed it last; null for a chunk that is as it was loaded."`
}

func newChunkMarks(c Chunk) ChunkMarks {
	return ChunkMarks{EmbeddingVectorID: c.EmbeddingVectorID, Enabled: c.Enabled, EditedAt: web.NewTimePointer(c.EditedAt)}
}

func newChunkBody(c Chunk) chunkBody {
	characters := countCharacters(c.Content)
	body := chunkBody{
		ID: c.ID, CollectionID: web.NewUUID(c.CollectionID), ChunkIndex: c.ChunkIndex, Content: c.Content,
		TokenCount: split.EstimateTokens(characters), CharCount: characters,
		StartOffset: c.StartOffset, EndOffset: c.EndOffset, Metadata: c.Metadata,
		CreatedAt: web.NewTimePointer(&c.CreatedAt), UpdatedAt: web.NewTimePointer(&c.UpdatedAt), ChunkMarks: newChunkMarks(c),
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
	Total    *int64      `json:"total" doc:"Null for chunks without a vector, which are not counted."`
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
	ChunkMarks

	// Both are absent where no neighbours were asked for.
	Before *[]chunkBody `json:"before,omitempty" doc:"The chunks of the same document before it, with context."`
	After  *[]chunkBody `json:"after,omitempty" doc:"Those after it."`
}

func newOneChunkBody(c Chunk) oneChunkBody {
	body := oneChunkBody{
		ID: c.ID, CollectionID: web.NewUUID(c.CollectionID), ChunkIndex: c.ChunkIndex, Content: c.Content,
		TokenCount: c.TokenCount, StartOffset: c.StartOffset, EndOffset: c.EndOffset, Metadata: c.Metadata,
		CreatedAt: web.NewTime(c.CreatedAt), UpdatedAt: web.NewTime(c.UpdatedAt), ChunkMarks: newChunkMarks(c),
	}
	if c.DocumentID != nil {
		id := web.NewUUID(*c.DocumentID)
		body.DocumentID = &id
	}
	return body
}

func newChunkBodies(list []Chunk) []chunkBody {
	bodies := make([]chunkBody, len(list))
	for i, c := range list {
		bodies[i] = newChunkBody(c)
	}
	return bodies
}
