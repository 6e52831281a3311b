package documents

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// Limits of a document's fields.
const (
	// MaxName bounds a file name, in characters.
	MaxName = 255
	// MaxPath bounds a file path, in characters.
	MaxPath = 4096
	// MaxSourcePathBytes bounds a source's path, in bytes: more would not fit into
	// the key that finds it.
	MaxSourcePathBytes = 2048
	// MaxMetadataBytes bounds the metadata, as JSON.
	MaxMetadataBytes = 64 << 10
	// SliceBytes is how much of a content lies in one row: small enough for
	// memory, large enough that PostgreSQL's cost for a row does not count.
	SliceBytes = 256 << 10
)

// Document is a row of the table documents.
type Document struct {
	ID           uuid.UUID `gorm:"primaryKey"`
	CollectionID uuid.UUID
	PartitionKey int
	SourceID     *int64
	FilePath     string
	FileName     string
	// FileSize is bytes.
	FileSize int64
	MimeType *string
	// ContentHash is the content's SHA-256 in lower-case hexadecimal.
	ContentHash   string
	Status        Status
	ErrorMessage  *string
	ErrorCategory *Category
	RetryCount    int
	LastRetryAt   *time.Time
	ChunkCount    int64
	// ChunkedHash is the content hash of what the document's chunks were made
	// from: another one than ContentHash while a new content waits.
	ChunkedHash *string
	// Meta is a JSON object as text, so that a number in it keeps its digits; nil
	// where there is none.
	Meta json.RawMessage
	// FileModifiedAt is the time of the file in its source, by which the next run knows
	// that it is unchanged; nil for an upload, and for a file that was changed so shortly
	// before it was read that its time does not tell.
	FileModifiedAt *time.Time
	// LastSeenAt is when the file was last seen, by an upload or by a run over its source.
	LastSeenAt *time.Time
	CreatedAt  time.Time `gorm:"autoCreateTime:false;default:now()"`
	UpdatedAt  time.Time `gorm:"autoUpdateTime:false;default:now()"`
	DeletedAt  *time.Time
	// LostCount is how often in a row a worker was lost while it worked on the
	// document; see [MaxLost].
	LostCount int
	// ReindexedBy is the row id of the reindex operation that was last through with
	// the document.
	ReindexedBy *int64
}

// ContentKind tells the two contents of a document apart.
type ContentKind string

const (
	// Original is what was uploaded.
	Original ContentKind = "original"
	// Text is what was extracted from it. It is stored only where it differs
	// from the original; the chunks' offsets count in it.
	Text ContentKind = "text"
)

// Content is a row of the table document_contents: one slice of a content.
type Content struct {
	DocumentID   uuid.UUID   `gorm:"primaryKey"`
	Kind         ContentKind `gorm:"primaryKey"`
	Slice        int         `gorm:"primaryKey"`
	CollectionID uuid.UUID
	PartitionKey int
	Data         []byte
}

// TableName is the table's name.
func (Content) TableName() string { return "document_contents" }

// Outcome is what became of an uploaded file.
type Outcome string

// The outcomes.
const (
	// Created is a new document.
	Created Outcome = "created"
	// Duplicate is a content that the collection has already, in a document that
	// is named; nothing was stored.
	Duplicate Outcome = "duplicate"
	// Replaced is a new content for the document with the same path.
	Replaced Outcome = "replaced"
	// Failed is a file that was not taken.
	Failed Outcome = "failed"
	// Moved is a file of a source that has another path than before.
	Moved Outcome = "moved"
	// Unchanged is a file of a source with the content that it had.
	Unchanged Outcome = "unchanged"
	// Removed is a file of a source that is gone.
	Removed Outcome = "removed"
)
