package chunks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
)

// NewChunk is a chunk to be loaded.
type NewChunk struct {
	DocumentID  *uuid.UUID
	ChunkIndex  int
	Content     string
	StartOffset *int64
	EndOffset   *int64
	TokenCount  *int
	// Metadata is a JSON object, or nil for an empty one.
	Metadata json.RawMessage
}

// errNULInContent is a programming error of the loader: what people send is
// checked before it comes here, and their offsets would not survive stripping.
var errNULInContent = errors.New("a chunk's content has a NUL byte")

var emptyObject = json.RawMessage("{}")

// loadColumns are the columns of chunks in the order of COPY.
var loadColumns = []string{"collection_id", "partition_key", "document_id", "chunk_index", "content",
	"start_offset", "end_offset", "token_count", "metadata"}

// loadSettings are for the rest of the transaction. A load runs as long as it
// is, and the checks of its foreign keys are prepared statements of PostgreSQL's
// own that are slower by half when each is planned anew.
const loadSettings = `set local plan_cache_mode = auto; set local statement_timeout = 0`

// restoreSettings puts back what loadSettings changed, since the transaction may
// go on with other statements.
const restoreSettings = `set local plan_cache_mode = force_custom_plan; set local statement_timeout = default`

// CreateChunksBulk loads chunks into the scope's partition by COPY and gives
// their number. It needs a unit of work, and streams: what the sequence yields is
// sent as it comes. An index that the document has already is [ErrConflict], a
// document of another collection [ErrDocumentNotFound]; nothing is loaded then.
func (r *Repository) CreateChunksBulk(ctx context.Context, scope collections.Scope, rows iter.Seq[NewChunk]) (int64, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return 0, fmt.Errorf("loading chunks: %w", err)
	}
	if _, err := tx.Exec(ctx, loadSettings); err != nil {
		return 0, fmt.Errorf("loading chunks: %w", r.db.Translate(err))
	}
	next, stop := iter.Pull(rows)
	defer stop()
	n, err := tx.CopyFrom(ctx, pgx.Identifier{"chunks"}, loadColumns, pgx.CopyFromFunc(func() ([]any, error) {
		c, ok := next()
		if !ok {
			return nil, nil
		}
		if strings.IndexByte(c.Content, 0) >= 0 {
			return nil, errNULInContent
		}
		metadata := c.Metadata
		if metadata == nil {
			metadata = emptyObject
		}
		return []any{scope.ID(), scope.PartitionKey(), c.DocumentID, c.ChunkIndex, c.Content,
			c.StartOffset, c.EndOffset, c.TokenCount, metadata}, nil
	}))
	if err != nil {
		return 0, fmt.Errorf("loading chunks: %w", r.db.Translate(err))
	}
	if _, err := tx.Exec(ctx, restoreSettings); err != nil {
		return 0, fmt.Errorf("loading chunks: %w", r.db.Translate(err))
	}
	return n, nil
}
