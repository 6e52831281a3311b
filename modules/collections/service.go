package collections

import (
	"context"
	"fmt"

	"github.com/google/uuid"

	"semantik/modules/collections/connectors"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/idempotency"
)

// OperationStarter starts work in the background. Start runs in the unit of work
// of the context: the operation, its job and what it is about commit together.
type OperationStarter interface {
	// Start adds an operation on the collection and gives its id. While another
	// one is active it returns a conflict.
	Start(ctx context.Context, scope Scope, operation NewOperation) (uuid.UUID, error)
	// CancelActive ends the collection's operation that has not ended, and gives
	// its id; uuid.Nil when there is none. Whoever works on it stops before its
	// next step. The collection's row is locked.
	CancelActive(ctx context.Context, scope Scope) (uuid.UUID, error)
}

// NewOperation says what work to start.
type NewOperation struct {
	Type string
	// UserID is who starts it; 0 for the operator, who needs no account.
	UserID int64
	// Config is what the operation needs to know; never empty.
	Config map[string]any
}

// Service has the rules on collections.
type Service struct {
	db         *database.DB
	repository *Repository
	operations OperationStarter
	status     *StatusChanger
	directory  Directory
	audit      Recorder
	keys       *idempotency.Keeper
	// connectors are the kinds of sources, and sourceWork is what is done on them.
	connectors *connectors.Registry
	sourceWork SourceWork
}

// Deps are what a [Service] stands on.
type Deps struct {
	DB          *database.DB
	Repository  *Repository
	Operations  OperationStarter
	Status      *StatusChanger
	Directory   Directory
	Audit       Recorder
	Idempotency *idempotency.Keeper
	Connectors  *connectors.Registry
	SourceWork  SourceWork
}

// NewService makes the service.
func NewService(d Deps) *Service {
	return &Service{
		db: d.DB, repository: d.Repository, operations: d.Operations, status: d.Status, directory: d.Directory,
		audit: d.Audit, keys: d.Idempotency, connectors: d.Connectors, sourceWork: d.SourceWork,
	}
}

// Authorize answers what the identity of the context may do with the collection.
// It is the only way to a [Scope] for a caller. Without an identity it returns
// an unauthenticated error, without any right [ErrNotFound], with less than need
// [ErrForbidden], and [auth.ErrScopeMissing] through an API key that was not made
// for it. A collection out of an API key's reach is [ErrNotFound].
func (s *Service) Authorize(ctx context.Context, id uuid.UUID, need Permission) (Scope, error) {
	who, err := caller(ctx)
	if err != nil {
		return Scope{}, err
	}
	scope, err := s.repository.GetByUUIDWithPermissionCheck(ctx, id, who)
	if err != nil {
		return Scope{}, fmt.Errorf("checking the permission: %w", err)
	}
	if scope.granted < need {
		return Scope{}, forbidden(need)
	}
	if _, err := auth.RequireScope(ctx, scopeFor(need)); err != nil {
		return Scope{}, err
	}
	return scope, nil
}

// forbidden is for those who may read the collection, but not what they want.
func forbidden(need Permission) error {
	if need == Admin {
		return ErrForbidden.WithMessagef("Only the owner of this collection, and those with the permission admin on it, may do this.")
	}
	return ErrForbidden
}

// ScopeForWork gives the scope of a collection to work in the background, which
// was permitted when it was started. [ErrNotFound] once the collection is
// deleted.
func (s *Service) ScopeForWork(ctx context.Context, id uuid.UUID) (Scope, error) {
	c, err := s.repository.GetByUUID(ctx, id)
	if err != nil {
		return Scope{}, err
	}
	return Scope{collection: c, granted: Write}, nil
}

// Get reads one collection that the caller may read.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Collection, error) {
	scope, err := s.Authorize(ctx, id, Read)
	return scope.collection, err
}

// List lists the caller's collections, those shared with them and, where asked
// for, the public ones; or everybody's, to a superuser, with
// [auth.ErrSuperuserRequired] for others. A filter or an order that does not exist
// is an error.
func (s *Service) List(ctx context.Context, q ListQuery) ([]Collection, int64, error) {
	if _, err := auth.RequireScope(ctx, auth.ScopeRead); err != nil {
		return nil, 0, err
	}
	if q.All {
		if _, err := auth.RequireSuperuser(ctx); err != nil {
			return nil, 0, err
		}
	}
	who, err := caller(ctx)
	if err != nil {
		return nil, 0, err
	}
	filter, err := q.filter()
	if err != nil {
		return nil, 0, err
	}
	return s.repository.ListForUser(ctx, who, filter, q.Page)
}

// Reader is the caller in the terms of a list that leaves out what is on collections
// that they may not read.
func (s *Service) Reader(ctx context.Context) (*Caller, error) {
	who, err := caller(ctx)
	if err != nil {
		return nil, err
	}
	return &who, nil
}

// scopeFor is the scope that an API key needs for what the permission allows.
func scopeFor(need Permission) auth.Scope {
	switch need {
	case Admin:
		return auth.ScopeAdmin
	case Write:
		return auth.ScopeWrite
	default:
		return auth.ScopeRead
	}
}

// caller is the identity of the context in the terms of the repository.
func caller(ctx context.Context) (Caller, error) {
	who, err := auth.Require(ctx)
	if err != nil {
		return Caller{}, err
	}
	c := Caller{UserID: who.UserID, Super: who.IsSuperuser}
	if who.ViaAPIKey() {
		c.APIKeyID, c.Super, c.Within = &who.APIKeyID, false, who.Resources
	}
	return c, nil
}
