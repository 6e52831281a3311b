package operations

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
)

// Directory knows users by their name; [users.Repository] does.
type Directory interface {
	GetByUsername(ctx context.Context, username string) (users.User, error)
}

// Deps are what a [Service] stands on.
type Deps struct {
	DB          *database.DB
	Repository  *Repository
	Collections *collections.Service
	Rows        *collections.Repository
	Status      *collections.StatusChanger
	Directory   Directory
	Audit       collections.Recorder
	Works       Works
	// Metrics counts what is cancelled; nil counts nothing.
	Metrics *Metrics
}

// Service has the rules on watching and on cancelling operations.
type Service struct {
	db         *database.DB
	repository *Repository
	access     *collections.Service
	rows       *collections.Repository
	status     *collections.StatusChanger
	directory  Directory
	audit      collections.Recorder
	works      Works
	metrics    *Metrics
}

// NewService makes the service.
func NewService(d Deps) *Service {
	return &Service{
		db: d.DB, repository: d.Repository, access: d.Collections, rows: d.Rows, status: d.Status,
		directory: d.Directory, audit: d.Audit, works: d.Works, metrics: d.Metrics,
	}
}

// Get reads an operation on a collection that the caller may read; any other is
// [ErrNotFound], also for who started it: it names documents that others add. Those
// of a collection that was deleted can still be read by its owner and by a
// superuser, and the deletion by whoever has asked for it: how its purge goes is all
// that there is to know.
func (s *Service) Get(ctx context.Context, id uuid.UUID) (Operation, error) {
	if err := s.Authorize(ctx, id); err != nil {
		return Operation{}, err
	}
	return s.repository.Get(ctx, id)
}

// Authorize returns nil if [Service.Get] would read the operation, and else what it
// would return.
func (s *Service) Authorize(ctx context.Context, id uuid.UUID) error {
	who, err := auth.RequireScope(ctx, auth.ScopeRead)
	if err != nil {
		return err
	}
	// The right comes before the row, and an operation that does not exist is asked
	// for like one on a collection that does not exist either, so that the time that
	// the answer takes tells nothing.
	o, err := s.repository.GetOrigin(ctx, id)
	if err != nil && apperr.KindOf(err) != apperr.NotFound {
		return err
	}
	_, err = s.access.Authorize(ctx, o.CollectionID, collections.Read)
	if apperr.KindOf(err) == apperr.NotFound {
		err = s.access.AuthorizeDeleted(ctx, o.CollectionID, o.isDeletionBy(who.UserID))
	}
	if apperr.KindOf(err) == apperr.NotFound {
		return ErrNotFound
	}
	return err
}

// ListQuery asks for operations.
type ListQuery struct {
	// Status is a list of states separated by commas; "" for all.
	Status string
	// Type is one type; "" for all.
	Type string
	// User is the name of the user whose operations to list, and All asks for
	// everybody's. Both are for superusers; without either the list is the
	// caller's own.
	User string
	All  bool
	Page database.Page
}

// filter reads what the query narrows the list to, but for whose it is.
func (q ListQuery) filter() (f Filter, err error) {
	if f.Statuses, err = parseStatuses(q.Status); err != nil {
		return f, err
	}
	f.Type, err = parseType(q.Type)
	return f, err
}

// List lists the operations that the caller started, the newest first, as far as
// [Service.Get] would read them. A superuser may ask for another user's
// or for everybody's; [auth.ErrSuperuserRequired] for anybody else.
func (s *Service) List(ctx context.Context, q ListQuery) ([]Operation, int64, error) {
	who, err := auth.RequireScope(ctx, auth.ScopeRead)
	if err != nil {
		return nil, 0, err
	}
	f, err := q.filter()
	if err != nil {
		return nil, 0, err
	}
	switch {
	case q.User != "":
		f.UserID, err = s.userNamed(ctx, q.User)
	case q.All:
		_, err = auth.RequireSuperuser(ctx)
	default:
		f.UserID = &who.UserID
		f.ReadableBy, err = s.access.Reader(ctx)
	}
	if err != nil {
		return nil, 0, err
	}
	return s.repository.List(ctx, f, q.Page)
}

// userNamed gives the id of a user to a superuser.
func (s *Service) userNamed(ctx context.Context, name string) (*int64, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return nil, err
	}
	u, err := s.directory.GetByUsername(ctx, name)
	if apperr.KindOf(err) == apperr.NotFound {
		return nil, errUnknownUser.WithMessagef("There is no user named %q.", name)
	}
	return &u.ID, err
}

// ListOf lists the operations on a collection that the caller may read, whoever
// started them, the newest first.
func (s *Service) ListOf(ctx context.Context, collectionID uuid.UUID, q ListQuery) ([]Operation, int64, error) {
	scope, err := s.access.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return nil, 0, err
	}
	f, err := q.filter()
	if err != nil {
		return nil, 0, err
	}
	f.CollectionID = scope.ID()
	return s.repository.List(ctx, f, q.Page)
}

func parseStatuses(list string) ([]Status, error) {
	if strings.TrimSpace(list) == "" {
		return nil, nil
	}
	var found []Status
	for word := range strings.SplitSeq(list, ",") {
		status := Status(strings.ToLower(strings.TrimSpace(word)))
		if !slices.Contains(Statuses, status) {
			return nil, errUnknownStatus.WithMessagef("Invalid status: %q is not one of pending, processing, completed, failed, cancelled.", word)
		}
		found = append(found, status)
	}
	return found, nil
}

// wireTypes are the types that a filter may name.
var wireTypes = []Type{TypeIndex, TypeAppend, TypeReindex, TypeRemoveSource, TypeDelete, TypeRetry}

func parseType(s string) (Type, error) {
	t := Type(strings.ToLower(strings.TrimSpace(s)))
	if t != "" && !slices.Contains(wireTypes, t) {
		return "", errUnknownType.WithMessagef("Invalid operation type: %q is not one of index, append, reindex, remove_source, delete, retry_documents.", s)
	}
	return t, nil
}
