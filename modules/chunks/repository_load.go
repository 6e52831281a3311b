package chunks

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// errNULInContent is a programming error of the loader: what people send is
// checked before it comes here, and their offsets would not survive stripping.
var errNULInContent = errors.New("a chunk's content has a NUL byte")

var emptyObject = json.RawMessage("{}")

// loadColumns are the columns of chunks in the order of COPY.
var loadColumns = []string{"collection_id", "partition_key", "document_id", "chunk_index", "content",
	"start_offset", "end_offset", "token_count", "embedding_vector_id", "enabled", "metadata"}

// loadSettings are for the rest of the transaction. A load runs as long as it
// is, and the checks of its foreign keys are prepared statements of PostgreSQL's
// own that are slower by half when each is planned anew.
const loadSettings = `set local plan_cache_mode = auto; set local statement_timeout = 0`

// waitSettings are those of a load that may meet another one, and waits for it until
// that one has ended: how long a load may take has a limit of its own.
const waitSettings = loadSettings + `; set local lock_timeout = 0`

// restoreSettings puts back what loadSettings and waitSettings changed, since the
// transaction may go on with other statements.
const restoreSettings = `set local plan_cache_mode = force_custom_plan; set local statement_timeout = default; set local lock_timeout = default`

// RowSource gives the chunks of a load one after another, and io.EOF after the last.
// Any other error ends the load.
type RowSource func() (NewChunk, error)

// Batch is the chunks for one collection.
type Batch struct {
	Scope collections.Scope
	Rows  iter.Seq[NewChunk]
}

// CreateChunksBulk loads chunks by COPY, into one collection or several, and gives
// their number. It needs a unit of work: either all of them are loaded or none. The
// collections come in the order of their partitions, so that two loads into the same
// ones do not wait for each other in a circle. An index that the document has already
// is [ErrConflict], a document of another collection [ErrDocumentNotFound].
//
// It changes no counter and makes no search rows: those are the caller's to see to.
func (r *Repository) CreateChunksBulk(ctx context.Context, batches ...Batch) (int64, error) {
	ordered := slices.SortedStableFunc(slices.Values(batches), func(a, b Batch) int {
		return cmp.Or(cmp.Compare(a.Scope.PartitionKey(), b.Scope.PartitionKey()), strings.Compare(a.Scope.ID().String(), b.Scope.ID().String()))
	})
	var total int64
	for _, batch := range ordered {
		next, stop := iter.Pull(batch.Rows)
		n, err := r.CopyChunks(ctx, batch.Scope, func() (NewChunk, error) {
			c, ok := next()
			if !ok {
				return c, io.EOF
			}
			return c, nil
		})
		stop()
		if err != nil {
			return 0, err
		}
		total += n
	}
	return total, nil
}

// CopyChunks is CreateChunksBulk for one collection and for rows that may fail to
// come: an error of the source ends the COPY, and comes back as it is.
func (r *Repository) CopyChunks(ctx context.Context, scope collections.Scope, next RowSource) (int64, error) {
	return r.copyRows(ctx, pgx.Identifier{"chunks"}, loadColumns, func() ([]any, error) {
		c, err := next()
		if err != nil {
			return nil, err
		}
		return c.values([]any{scope.ID(), scope.PartitionKey()})
	})
}

// values appends the chunk's columns from document_id on.
func (c NewChunk) values(row []any) ([]any, error) {
	if strings.IndexByte(c.Content, 0) >= 0 {
		return nil, errNULInContent
	}
	metadata := c.Metadata
	if metadata == nil {
		metadata = emptyObject
	}
	return append(row, c.DocumentID, c.ChunkIndex, c.Content, c.StartOffset, c.EndOffset, c.TokenCount,
		c.EmbeddingVectorID, !c.Disabled, metadata), nil
}

// copyRows runs a COPY under the settings of a load. The source ends with io.EOF; a
// panic in it, which comes to pass in a goroutine of pgx, is an error.
func (r *Repository) copyRows(ctx context.Context, table pgx.Identifier, columns []string, next func() ([]any, error)) (int64, error) {
	tx, err := r.db.Tx(ctx)
	if err != nil {
		return 0, fmt.Errorf("loading chunks: %w", err)
	}
	if _, err := tx.Exec(ctx, waitSettings); err != nil {
		return 0, fmt.Errorf("loading chunks: %w", r.db.Translate(err))
	}
	n, err := tx.CopyFrom(ctx, table, columns, pgx.CopyFromFunc(func() (row []any, err error) {
		defer func() {
			if p := recover(); p != nil {
				row, err = nil, fmt.Errorf("a source of chunks panicked: %v", p)
			}
		}()
		row, err = next()
		if err == io.EOF { //nolint:errorlint // an error that wraps io.EOF is one of something that ended too early
			return nil, nil
		}
		return row, err
	}))
	if err != nil {
		return 0, fmt.Errorf("loading chunks: %w", nameChunk(err, r.translateLoad(err)))
	}
	if _, err := tx.Exec(ctx, restoreSettings); err != nil {
		return 0, fmt.Errorf("loading chunks: %w", r.db.Translate(err))
	}
	return n, nil
}

// translateLoad is Translate for a statement that loads: two loads that wait for each
// other's chunks have chunks in common, and that is a conflict and no accident.
func (r *Repository) translateLoad(err error) error {
	if database.IsDeadlock(err) {
		return ErrLoadsCollide.WithCause(err)
	}
	return r.db.Translate(err)
}
