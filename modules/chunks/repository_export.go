package chunks

import (
	"context"

	"github.com/google/uuid"

	"semantik/modules/collections"
)

const (
	// exportedAtOnce and exportedBytes bound what is read of a collection at once: so
	// many chunks, and no more than the first whose content and metadata go beyond so many
	// bytes. Each client that reads slowly holds as much.
	exportedAtOnce = 1000
	exportedBytes  = 2 << 20
)

// Both are served by the unique key (collection_id, document_id, chunk_index, …), in
// the order in which chunks mostly lie, since a document is loaded at once. The length
// of a content is known without reading it; metadata is compressed, and has to be read.
const (
	exportBegin = `
select ` + columns + `
from (
  select *, sum(size) over (order by `

	exportNext = `) - size as before
  from (
    select *, octet_length(content) + octet_length(metadata::text) as size
    from chunks
    where partition_key = $1
      and collection_id = $2`

	exportEnd = `
    limit $4
  ) next
) bounded
where before < $5
order by `

	exportOfDocuments = exportBegin + `document_id, chunk_index` + exportNext + `
      and (document_id, chunk_index) > ($3, $6)
    order by document_id, chunk_index` + exportEnd + `document_id, chunk_index`

	exportOfNone = exportBegin + `chunk_index` + exportNext + `
      and document_id is null
      and chunk_index > $3
    order by chunk_index` + exportEnd + `chunk_index`
)

// Exported is a position in an export: after the chunk of a document, or of none,
// with this index. The zero position is before all of them; the chunks without a
// document come last.
type Exported struct {
	// NoDocument means that the chunks of documents lie before the position.
	NoDocument bool
	DocumentID uuid.UUID
	// ChunkIndex is -1 for a position before all chunks of the document.
	ChunkIndex int
}

// ExportChunks reads the chunks after a position in the order of an export, as many as
// fit into memory well; none at the end.
func (r *Repository) ExportChunks(ctx context.Context, scope collections.Scope, after Exported) ([]Chunk, error) {
	if !after.NoDocument {
		if after.DocumentID == uuid.Nil {
			after.ChunkIndex = -1
		}
		found, err := r.collect(ctx, scope, exportOfDocuments, []any{after.DocumentID, exportedAtOnce, exportedBytes, after.ChunkIndex})
		if err != nil || len(found) > 0 {
			return found, err
		}
		after.ChunkIndex = -1
	}
	return r.collect(ctx, scope, exportOfNone, []any{after.ChunkIndex, exportedAtOnce, exportedBytes})
}
