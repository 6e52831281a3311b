package chunks

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Limits.
const (
	// MaxContent bounds a chunk's content, in characters.
	MaxContent = 1_000_000
	// MaxPage is the most chunks of one page by key.
	MaxPage = 1000
	// MaxPageBytes bounds what the chunks of a page have in content and metadata, in
	// bytes, but for the one that goes beyond it; and so the results of a search from one
	// collection.
	MaxPageBytes = 16 << 20
	// MaxContext is how many neighbours of a chunk are given on each side.
	MaxContext = 10
	// MaxVectors is how many vectors are named in one request.
	MaxVectors = 100_000
	// MaxOffset bounds a page by number: reading far into a list by counting
	// costs as much as reading all of it, and the key is there for that.
	MaxOffset = 100_000
	// SearchSlice is how many chunks get their search rows in one step.
	SearchSlice = 5000
	// SearchSliceBytes bounds the contents of them, in bytes: what takes about a second,
	// for which nobody can change the chunks.
	SearchSliceBytes = 4 << 20
	// MaxCandidates is how many matches of one collection are ranked.
	MaxCandidates = 5000
)

// Chunk is a row of the table chunks. All three columns of the key are tagged as
// such: with the id alone GORM would address every partition.
type Chunk struct {
	ID           int64     `gorm:"primaryKey;autoIncrement"`
	CollectionID uuid.UUID `gorm:"primaryKey"`
	PartitionKey int       `gorm:"primaryKey;autoIncrement:false"`
	DocumentID   *uuid.UUID
	ChunkIndex   int
	Content      string
	// StartOffset and EndOffset count the characters of the document's extracted
	// text; the content lies between them. Null where the loader did not say.
	StartOffset *int64
	EndOffset   *int64
	TokenCount  *int
	// EmbeddingVectorID names the chunk's vector in a store of vectors.
	EmbeddingVectorID *string
	// Enabled chunks are found by a search.
	Enabled  bool
	EditedAt *time.Time
	// Metadata is a JSON object as text, so that a number in it keeps its digits.
	Metadata  json.RawMessage
	CreatedAt time.Time `gorm:"autoCreateTime:false;default:now()"`
	UpdatedAt time.Time `gorm:"autoUpdateTime:false;default:now()"`
}

// SearchRow is a row of the table chunk_search.
type SearchRow struct {
	ChunkID      int64     `gorm:"primaryKey;autoIncrement:false"`
	CollectionID uuid.UUID `gorm:"primaryKey"`
	PartitionKey int       `gorm:"primaryKey;autoIncrement:false"`
	DocumentID   *uuid.UUID
	Search       string
}

// TableName is the table's name.
func (SearchRow) TableName() string { return "chunk_search" }

// Hit is a chunk that a search found.
type Hit struct {
	ChunkID      int64
	CollectionID uuid.UUID
	DocumentID   *uuid.UUID
	ChunkIndex   int
	Content      string
	// Snippet is the part of the content around the words that were looked for,
	// as HTML: escaped, with the words in <mark>.
	Snippet string
	// Metadata are the chunk's and its document's; where both have a member, it is
	// the chunk's.
	Metadata json.RawMessage
	FileName string
	FilePath string
	// TotalChunks is the number of chunks of the hit's document.
	TotalChunks int64
	// Score is between 0 and 1, and means something only beside the scores of
	// the same query.
	Score float64
}
