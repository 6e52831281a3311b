package chunks

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

// Export gives the chunks of a collection that the caller may read, slice by slice:
// those of one document after another, in the order of their index, and then those
// without a document. Next reads the first slice after a position, and with each the
// right is asked for anew; an empty one is the end. Nothing is held between two of
// them, so that the client may take its time, and each is as it is at its moment:
// what is loaded or deleted meanwhile may be in an export or not.
type Export struct {
	service      *Service
	collectionID uuid.UUID
	after        Exported
	started      bool
}

// Export begins one after a position; the zero position is before all chunks.
func (s *Service) Export(collectionID uuid.UUID, after Exported) *Export {
	return &Export{service: s, collectionID: collectionID, after: after}
}

// Next gives the next chunks, none at the end. Its errors are those of a read.
func (e *Export) Next(ctx context.Context) ([]Chunk, error) {
	if e.started {
		confirmed, err := e.service.accounts.Confirm(ctx)
		if err != nil {
			return nil, err
		}
		ctx = confirmed
	}
	e.started = true
	scope, err := e.service.collections.Authorize(ctx, e.collectionID, collections.Read)
	if err != nil {
		return nil, err
	}
	found, err := e.service.repository.ExportChunks(ctx, scope, e.after)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	e.after = exported(found[len(found)-1])
	return found, nil
}

// exported is the position after a chunk.
func exported(c Chunk) Exported {
	if c.DocumentID == nil {
		return Exported{NoDocument: true, ChunkIndex: c.ChunkIndex}
	}
	return Exported{DocumentID: *c.DocumentID, ChunkIndex: c.ChunkIndex}
}
