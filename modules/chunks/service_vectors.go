package chunks

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// maxMissing is how many of the chunks that are not there are named.
const maxMissing = 100

// Named says what became of a request to name vectors.
type Named struct {
	// Updated is how many chunks have what was asked for, Missing how many the
	// collection does not have.
	Updated, Missing int64
	// MissingIDs are the first of the missing ones, at most 100, in ascending order.
	MissingIDs []int64
}

// NameVectors says which vectors are those of chunks, in a collection that the caller
// may write to, in one transaction. read gives them, at most [MaxVectors]; it is called
// once the caller is known to have the right, which is asked for again afterwards. Of
// two for one chunk the last counts. Chunks that are not there are passed over and
// told: they may have been deleted while somebody made their vectors.
//
// It takes no longer than a load may, else it is [ErrLoadTimeout]; interrupt makes a
// read return that waits for the client.
func (s *Service) NameVectors(ctx context.Context, collectionID uuid.UUID, interrupt func(), read func() ([]Vector, error)) (Named, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, s.config.LoadTimeout, ErrLoadTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, interrupt)()
	named, err := s.nameVectors(ctx, collectionID, read)
	if err != nil && errors.Is(context.Cause(ctx), ErrLoadTimeout) {
		return Named{}, ErrLoadTimeout.WithMessagef("It took longer than %s. Nothing was changed: send it in several parts.", s.config.LoadTimeout).WithCause(err)
	}
	return named, err
}

func (s *Service) nameVectors(ctx context.Context, collectionID uuid.UUID, read func() ([]Vector, error)) (Named, error) {
	if _, err := s.collections.Authorize(ctx, collectionID, collections.Write); err != nil {
		return Named{}, err
	}
	vectors, err := read()
	if err != nil {
		return Named{}, err
	}
	vectors = lastOfEach(vectors)
	var missing []int64
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		ctx, err := s.accounts.Confirm(ctx)
		if err != nil {
			return err
		}
		scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
		if err != nil {
			return err
		}
		missing, err = s.repository.UpdateChunkEmbeddings(ctx, scope, vectors)
		if err != nil || len(missing) == len(vectors) {
			return err
		}
		err = s.record(ctx, "chunk.embed", scope, map[string]any{"updated": len(vectors) - len(missing)})
		if err != nil {
			return err
		}
		return s.counters.AddCounts(ctx, scope, collections.Counts{})
	})
	if err != nil {
		return Named{}, err
	}
	return Named{
		Updated: int64(len(vectors) - len(missing)), Missing: int64(len(missing)),
		MissingIDs: missing[:min(len(missing), maxMissing)],
	}, nil
}

// lastOfEach leaves the last of several for one chunk.
func lastOfEach(vectors []Vector) []Vector {
	at := make(map[int64]int, len(vectors))
	kept := vectors[:0]
	for _, v := range vectors {
		if i, there := at[v.ChunkID]; there {
			kept[i] = v
			continue
		}
		at[v.ChunkID] = len(kept)
		kept = append(kept, v)
	}
	return kept
}
