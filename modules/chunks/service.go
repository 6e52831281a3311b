package chunks

import (
	"context"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/database"
	"semantik/platform/idempotency"
	"semantik/platform/tracing"
)

// Service has the rules on chunks.
type Service struct {
	db           *database.DB
	repository   *Repository
	searcher     Searcher
	accounts     Accounts
	collections  *collections.Service
	counters     Counters
	documents    *documents.Service
	documentRows *documents.Repository
	indexer      *Indexer
	audit        collections.Recorder
	workTimes    WorkTimes
	keys         *idempotency.Keeper
	metrics      *Metrics
	tracer       *tracing.Tracer
	config       Config
	// spansAtOnce is the constant of that name, save in a test of what follows from it.
	spansAtOnce int
}

// Accounts knows whether a request still speaks for somebody.
type Accounts interface {
	// Confirm refuses whoever was deactivated, whose sessions were all ended or whose
	// API key was revoked since the request began. The context that it gives has the
	// identity as it is now.
	Confirm(ctx context.Context) (context.Context, error)
}

// Deps are what the service stands on.
type Deps struct {
	DB         *database.DB
	Repository *Repository
	// Searcher is the repository itself as long as PostgreSQL's full-text search is the
	// only one.
	Searcher     Searcher
	Accounts     Accounts
	Collections  *collections.Service
	Counters     Counters
	Documents    *documents.Service
	DocumentRows *documents.Repository
	Indexer      *Indexer
	Audit        collections.Recorder
	WorkTimes    WorkTimes
	Idempotency  *idempotency.Keeper
	// Metrics counts searches and loads; nil counts none.
	Metrics *Metrics
	// Tracer makes a span of each search; nil makes none.
	Tracer *tracing.Tracer
}

// Config has what the operator decides.
type Config struct {
	// SearchTimeout bounds a search.
	SearchTimeout time.Duration
	// LoadTimeout bounds a load.
	LoadTimeout time.Duration
	// MaxCharacters bounds a chunk's content, and MaxBatch the chunks of a JSON array.
	MaxCharacters, MaxBatch int
	Logger                  *slog.Logger
}

// NewService makes the service.
func NewService(d Deps, config Config) *Service {
	return &Service{
		db: d.DB, repository: d.Repository, searcher: d.Searcher, accounts: d.Accounts, collections: d.Collections, counters: d.Counters,
		documents: d.Documents, documentRows: d.DocumentRows, indexer: d.Indexer, audit: d.Audit, workTimes: d.WorkTimes, keys: d.Idempotency, metrics: d.Metrics, tracer: d.Tracer,
		config: config, spansAtOnce: spansAtOnce,
	}
}

// PageQuery asks for a page of chunks: by number or, with After, by key.
type PageQuery struct {
	// DocumentID narrows the list to one document.
	DocumentID *uuid.UUID
	// WithoutVector narrows it to chunks that name no vector. They are not counted, and
	// pages may be shorter than they could be, because a bounded number of chunks is
	// looked at for each.
	WithoutVector bool
	// Page counts from 1; it is looked at only without After.
	Page int
	// PageSize is 1 to [MaxPage].
	PageSize int
	// After is the Next of the page before; nil asks for a page by number.
	After *Key
}

// Page is a part of a list of chunks.
type Page struct {
	Chunks []Chunk
	// Total counts all chunks of the list; nil where they are not counted.
	Total *int64
	// HasNext tells whether there are more.
	HasNext bool
	// Next continues the list by key; nil at its end.
	Next *Key
}

// List reads a page of the chunks of a collection that the caller may read, in
// the order of their index.
func (s *Service) List(ctx context.Context, collectionID uuid.UUID, q PageQuery) (Page, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return Page{}, err
	}
	total := scope.Collection().ChunkCount
	if q.DocumentID != nil {
		d, err := s.documents.Get(ctx, collectionID, *q.DocumentID)
		if err != nil {
			return Page{}, err
		}
		total = d.ChunkCount
	}
	if q.WithoutVector {
		return s.listWithoutVector(ctx, scope, q)
	}
	page := Page{Total: &total}
	switch {
	case q.After == nil:
		page.Chunks, page.HasNext, err = s.repository.GetChunksByOffset(ctx, scope, q.DocumentID, (q.Page-1)*q.PageSize, q.PageSize)
	case q.DocumentID != nil:
		page.Chunks, page.HasNext, err = s.repository.GetChunksByDocument(ctx, scope, *q.DocumentID, *q.After, q.PageSize)
	default:
		page.Chunks, page.HasNext, err = s.repository.GetChunksByCollection(ctx, scope, *q.After, q.PageSize)
	}
	if err != nil {
		return Page{}, err
	}
	if page.HasNext {
		last := page.Chunks[len(page.Chunks)-1]
		page.Next = &Key{last.ChunkIndex, last.ID}
	}
	return page, nil
}

func (s *Service) listWithoutVector(ctx context.Context, scope collections.Scope, q PageQuery) (Page, error) {
	after := Key{}
	switch {
	case q.After != nil:
		after = *q.After
	case q.Page > 1:
		return Page{}, errNumberedWithoutVector
	}
	found, next, err := s.repository.GetChunksWithoutEmbeddings(ctx, scope, q.DocumentID, after, q.PageSize)
	return Page{Chunks: found, HasNext: next != nil, Next: next}, err
}

// Neighbours are the chunks of the same document around a chunk.
type Neighbours struct {
	// Before and After are in the order of their index.
	Before, After []Chunk
}

// Get reads one chunk of a collection that the caller may read.
func (s *Service) Get(ctx context.Context, collectionID uuid.UUID, id int64) (Chunk, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return Chunk{}, err
	}
	return s.repository.GetChunkByID(ctx, scope, id)
}

// GetWithNeighbours is Get with up to n chunks, at most [MaxContext], of each side: all
// of them as they are at the same moment, so that no two come from different versions
// of a document.
func (s *Service) GetWithNeighbours(ctx context.Context, collectionID uuid.UUID, id int64, n int) (c Chunk, around Neighbours, err error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return c, around, err
	}
	err = s.db.InTx(ctx, func(ctx context.Context) (err error) {
		if c, err = s.repository.GetChunkByID(ctx, scope, id); err != nil {
			return err
		}
		around.Before, around.After, err = s.repository.GetNeighbours(ctx, scope, c, n)
		return err
	}, database.ReadOnly(), database.Isolation(pgx.RepeatableRead))
	return c, around, err
}
