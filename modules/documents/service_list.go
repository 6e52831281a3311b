package documents

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// List lists the documents of a collection that the caller may read, those that failed
// first and then the newest, with the total. A status that does not exist, a filter
// that is not understood ([ErrBadFilter]) and a text without a word are errors of kind
// Malformed.
func (s *Service) List(ctx context.Context, collectionID uuid.UUID, q ListQuery) ([]Document, int64, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return nil, 0, err
	}
	wanted, err := q.filter()
	if err != nil {
		return nil, 0, err
	}
	if wanted.Text != "" {
		if wanted.Words, err = s.repository.ReadWords(ctx, wanted.Text); err != nil {
			return nil, 0, err
		}
		if len(wanted.Words) == 0 {
			return nil, 0, errNoWord
		}
	}
	return s.repository.List(ctx, scope, wanted, q.Page)
}

// CountFailed counts the documents that failed in a collection that the caller may
// read, those not that trying again cannot help if retryableOnly is set.
func (s *Service) CountFailed(ctx context.Context, collectionID uuid.UUID, retryableOnly bool) (FailedCount, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Read)
	if err != nil {
		return FailedCount{}, err
	}
	n, err := s.repository.CountFailed(ctx, scope)
	if retryableOnly {
		n.Permanent = 0
	}
	return n, err
}
