package chunks

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"

	"github.com/jackc/pgx/v5"

	"semantik/modules/collections"
	"semantik/platform/database"
)

// KeepSpans sets how many documents a load keeps in memory.
func (s *Service) KeepSpans(n int) { s.spansAtOnce = n }

// CountLines reads chunks as a load does, and counts them.
func CountLines(body io.Reader) (n int, err error) {
	next := (&Service{config: Config{MaxCharacters: MaxContent}}).lines(body)
	for {
		if _, err = next(); err != nil {
			break
		}
		n++
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// Readings are the same chunks, read as a list reads them and as pgx does by itself.
type Readings struct {
	Listed, Scanned []Chunk
	// Usual tells whether they came in the form that a list decodes by hand.
	Usual bool
}

// ReadTwice reads the first chunks of a collection.
func ReadTwice(ctx context.Context, querier database.Querier, scope collections.Scope, mode pgx.QueryExecMode) (read Readings, err error) {
	args := append([]any{mode, scope.PartitionKey(), scope.ID()}, Key{}.args(MaxPage)...)
	rows, err := querier.Query(ctx, selectPage, args...)
	if err != nil {
		return read, err
	}
	read.Usual = inUsualForm(rows.FieldDescriptions())
	if read.Listed, _, err = scanChunks(rows, 0, nil); err != nil {
		return read, err
	}
	if rows, err = querier.Query(ctx, selectPage, args...); err != nil {
		return read, err
	}
	read.Scanned, err = pgx.CollectRows(rows, scanChunk)
	return read, err
}

// JSON is a body as it is sent, and as encoding/json gives it.
type JSON struct{ Appended, Encoded []byte }

// PageJSON gives a page both ways.
func PageJSON(list []Chunk, total *int64, next *string) (JSON, error) {
	return bothWays(chunkPageBody{Chunks: newChunkBodies(list), Total: total, Page: 1, PageSize: 100, HasNext: next != nil, Next: next})
}

// OneJSON gives a chunk both ways, with neighbours if there are any.
func OneJSON(c Chunk, neighbours []Chunk) (JSON, error) {
	body := newOneChunkBody(c)
	if neighbours != nil {
		around := newChunkBodies(neighbours)
		body.Before, body.After = &around, &[]chunkBody{}
	}
	return bothWays(body)
}

func bothWays(body interface{ AppendJSON(b []byte) []byte }) (JSON, error) {
	var encoded bytes.Buffer
	err := json.NewEncoder(&encoded).Encode(body)
	return JSON{Appended: body.AppendJSON([]byte{}), Encoded: encoded.Bytes()}, err
}
