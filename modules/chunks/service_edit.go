package chunks

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/platform/audit"
	"semantik/platform/database"
)

// EditInput says what is to change in a chunk.
type EditInput struct {
	Edit

	// IfMatch are the times of which the chunk's last change must be one; nil when any
	// will do.
	IfMatch []time.Time
}

// validate reports every field that is wrong.
func (in EditInput) validate(maxCharacters int) error {
	var f faults
	if in.Content != nil {
		f.content(*in.Content, maxCharacters)
	}
	if problem := database.ObjectProblem(in.Metadata, MaxMetadata); problem != "" {
		f.add("metadata", "%s", problem)
	}
	for i := range f {
		f[i].Location = "body." + f[i].Location
	}
	return apperr.InvalidFields(f)
}

// without leaves out what the chunk is already, and says what remains.
func (e Edit) without(c Chunk) (rest Edit, fields []string) {
	if e.Content != nil && *e.Content != c.Content {
		rest.Content, fields = e.Content, append(fields, "content")
	}
	if e.Enabled != nil && *e.Enabled != c.Enabled {
		rest.Enabled, fields = e.Enabled, append(fields, "enabled")
	}
	if len(e.Metadata) > 0 && string(e.Metadata) != "null" && !database.SameJSON(e.Metadata, c.Metadata) {
		rest.Metadata, fields = e.Metadata, append(fields, "metadata")
	}
	return rest, fields
}

// Edit changes a chunk of a collection that the caller may write to, with its search
// row, in one transaction: whoever searches finds the old content or the new one. The
// chunk counts as edited from then on. It returns the faults of the fields at once,
// [ErrNotFound], [ErrChanged] when the chunk is not what the caller has seen, and
// [documents.ErrNotLoadable] while its document is getting new chunks.
func (s *Service) Edit(ctx context.Context, collectionID uuid.UUID, id int64, in EditInput) (Chunk, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return Chunk{}, err
	}
	if err := in.validate(s.config.MaxCharacters); err != nil {
		return Chunk{}, err
	}
	var edited Chunk
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		edited, err = s.edit(ctx, scope, id, in)
		return err
	})
	return edited, err
}

// edit locks in the order of all who change chunks: the chunk, its document, the
// collection.
func (s *Service) edit(ctx context.Context, scope collections.Scope, id int64, in EditInput) (Chunk, error) {
	now, err := s.repository.LockChunk(ctx, scope, id)
	if err != nil {
		return Chunk{}, err
	}
	if in.IfMatch != nil && !slices.ContainsFunc(in.IfMatch, now.UpdatedAt.Equal) {
		return Chunk{}, ErrChanged.WithDetail("updated_at", now.UpdatedAt.UTC().Format("2006-01-02T15:04:05.000000Z"))
	}
	change, fields := in.without(now)
	if len(fields) == 0 {
		return now, nil
	}
	edited, err := s.repository.UpdateChunk(ctx, scope, id, change)
	if err != nil {
		return Chunk{}, err
	}
	if now.DocumentID != nil {
		if err := s.documentRows.LockLoadable(ctx, scope, *now.DocumentID); err != nil {
			return Chunk{}, err
		}
	}
	err = s.record(ctx, "chunk.update", scope, map[string]any{
		"chunk_id": id, "document_id": now.DocumentID, "chunk_index": now.ChunkIndex, "changed": fields,
	})
	if err != nil {
		return Chunk{}, err
	}
	return edited, s.counters.AddCounts(ctx, scope, collections.Counts{})
}

// DeleteOfDocument deletes the chunks of a document, with their search rows, of a
// collection that the caller may write to, and tells how many; the document stays. It
// returns [documents.ErrNotFound] and [documents.ErrNotLoadable].
func (s *Service) DeleteOfDocument(ctx context.Context, collectionID, documentID uuid.UUID) (int64, error) {
	scope, err := s.collections.Authorize(ctx, collectionID, collections.Write)
	if err != nil {
		return 0, err
	}
	var deleted int64
	err = s.db.InTx(ctx, func(ctx context.Context) error {
		var searchRows int64
		if deleted, searchRows, err = s.repository.DeleteChunksByDocument(ctx, scope, documentID); err != nil {
			return err
		}
		if deleted == 0 {
			return s.documentRows.LockLoadable(ctx, scope, documentID)
		}
		if err := s.documentRows.AddChunks(ctx, scope, []documents.Loaded{{ID: documentID, New: -deleted}}); err != nil {
			return err
		}
		err := s.record(ctx, "chunk.delete", scope, map[string]any{"document_id": documentID, "deleted": deleted})
		if err != nil {
			return err
		}
		return s.counters.AddCounts(ctx, scope, collections.Counts{Chunks: -deleted, Vectors: -searchRows})
	})
	return deleted, err
}

// record tells the audit log what was done to the chunks of a collection.
func (s *Service) record(ctx context.Context, action string, scope collections.Scope, details map[string]any) error {
	return s.audit.Record(ctx, audit.Entry{Action: action, ObjectType: "collection", ObjectID: scope.ID().String(), Details: details})
}
