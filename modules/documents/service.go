package documents

import (
	"context"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/platform/database"
	"semantik/platform/idempotency"
)

// WorkStarter has documents worked on in the background.
type WorkStarter interface {
	// EnsureWork makes sure that an active operation will take up the documents
	// that wait in the collection: it joins the one that is running or starts
	// one, in the unit of work of the context, and gives its id. An operation of
	// another kind that is active is a conflict.
	EnsureWork(ctx context.Context, scope collections.Scope, userID int64, config map[string]any) (uuid.UUID, error)
	// EnsureRetry is EnsureWork for documents that had failed.
	EnsureRetry(ctx context.Context, scope collections.Scope, userID int64, config map[string]any) (uuid.UUID, error)
}

// ChunkRemover deletes what was made of a document.
type ChunkRemover interface {
	// DeleteChunksByDocument deletes a document's chunks with their search rows,
	// in the unit of work of the context, and tells how many there were of each.
	DeleteChunksByDocument(ctx context.Context, scope collections.Scope, documentID uuid.UUID) (chunks, searchRows int64, err error)
}

// Accounts knows whether a request still speaks for somebody.
type Accounts interface {
	// Confirm refuses whoever was deactivated, whose sessions were all ended or whose
	// API key was revoked since the request began. The context that it gives has the
	// identity as it is now.
	Confirm(ctx context.Context) (context.Context, error)
}

// Config has the limits of uploads.
type Config struct {
	// MaxFileBytes is the size of the largest file that is taken.
	MaxFileBytes int64
	// SpoolDir is where an upload is kept until it is complete; the system's
	// folder for temporary files if empty.
	SpoolDir string
	// Trash is how long a deleted document can be restored.
	Trash time.Duration
}

// Service has the rules on documents.
type Service struct {
	db          *database.DB
	repository  *Repository
	accounts    Accounts
	collections *collections.Service
	rows        *collections.Repository
	work        WorkStarter
	chunks      ChunkRemover
	audit       collections.Recorder
	keys        *idempotency.Keeper
	config      Config
}

// NewService makes the service.
func NewService(
	db *database.DB, repository *Repository, accounts Accounts, access *collections.Service, rows *collections.Repository,
	work WorkStarter, chunks ChunkRemover, log collections.Recorder, keys *idempotency.Keeper, config Config,
) *Service {
	return &Service{
		db: db, repository: repository, accounts: accounts, collections: access, rows: rows, work: work, chunks: chunks, audit: log,
		keys: keys, config: config,
	}
}

// Get reads one document of a collection that the caller may read.
func (s *Service) Get(ctx context.Context, collectionID, id uuid.UUID) (Document, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return Document{}, err
	}
	return s.repository.Get(ctx, scope, id)
}
