package chunks

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// columns are the columns of a chunk in the order of columnForms, scanChunk and
// decodeRow.
const columns = `id, collection_id, partition_key, document_id, chunk_index, content, start_offset, end_offset,
       token_count, embedding_vector_id, enabled, edited_at, metadata, created_at, updated_at`

// columnForm is how the values of a column are sent.
type columnForm struct {
	oid    uint32
	format int16
	// size is that of each value in bytes; 0 for any.
	size int
}

// The forms of the types that a chunk is made of: those that pgx asks for, and that
// decodeRow reads.
var (
	formInt8        = columnForm{pgtype.Int8OID, pgx.BinaryFormatCode, 8}
	formInt4        = columnForm{pgtype.Int4OID, pgx.BinaryFormatCode, 4}
	formUUID        = columnForm{pgtype.UUIDOID, pgx.BinaryFormatCode, 16}
	formBool        = columnForm{pgtype.BoolOID, pgx.BinaryFormatCode, 1}
	formTimestamptz = columnForm{pgtype.TimestamptzOID, pgx.BinaryFormatCode, 8}
	formText        = columnForm{pgtype.TextOID, pgx.TextFormatCode, 0}
	formJSONB       = columnForm{pgtype.JSONBOID, pgx.TextFormatCode, 0}
)

var columnForms = [...]columnForm{
	formInt8, formUUID, formInt4, formUUID, formInt4, formText, formInt4, formInt4,
	formInt4, formText, formBool, formTimestamptz, formJSONB, formTimestamptz, formTimestamptz,
}

// scanChunk reads a row in whatever form it comes.
func scanChunk(row pgx.CollectableRow) (Chunk, error) {
	var c Chunk
	err := row.Scan(&c.ID, &c.CollectionID, &c.PartitionKey, &c.DocumentID, &c.ChunkIndex, &c.Content,
		&c.StartOffset, &c.EndOffset, &c.TokenCount, &c.EmbeddingVectorID, &c.Enabled, &c.EditedAt,
		&c.Metadata, &c.CreatedAt, &c.UpdatedAt)
	return c, err
}

// scanChunks reads the rows, and closes them: all of them or, with a limit, no more than
// the first whose content and metadata go beyond so many bytes; cut tells that there
// were more, which stop has PostgreSQL not send any more. It decodes those in the usual
// form by hand: a page has more than a thousand values, and Scan costs for each of them
// more than the reading does.
func scanChunks(rows pgx.Rows, limit int, stop func()) (found []Chunk, cut bool, err error) {
	defer rows.Close()
	found = []Chunk{}
	usual := inUsualForm(rows.FieldDescriptions())
	size := 0
	for rows.Next() {
		if limit > 0 && size > limit {
			stop()
			return found, true, nil
		}
		c, ok := Chunk{}, false
		if usual {
			c, ok = decodeRow(rows.RawValues())
		}
		if !ok {
			if c, err = scanChunk(rows); err != nil {
				return nil, false, err
			}
		}
		found = append(found, c)
		size += len(c.Content) + len(c.Metadata)
	}
	return found, false, rows.Err()
}

func inUsualForm(fields []pgconn.FieldDescription) bool {
	if len(fields) != len(columnForms) {
		return false
	}
	for i, form := range columnForms {
		if fields[i].DataTypeOID != form.oid || fields[i].Format != form.format {
			return false
		}
	}
	return true
}

// decodeRow copies the values of a row, which the next row overwrites, and reports
// whether they are as they should be.
func decodeRow(values [][]byte) (c Chunk, ok bool) {
	for i, form := range columnForms {
		value := values[i]
		if value != nil && form.size > 0 && len(value) != form.size || form == formTimestamptz && isInfinite(value) {
			return c, false
		}
	}
	for _, required := range []int{0, 1, 2, 4, 5, 10, 12, 13, 14} {
		if values[required] == nil {
			return c, false
		}
	}
	return Chunk{
		ID:                int64(binary.BigEndian.Uint64(values[0])),
		CollectionID:      uuid.UUID(values[1]),
		PartitionKey:      int(decodeInt4(values[2])),
		DocumentID:        decodeNullable(values[3], func(v []byte) uuid.UUID { return uuid.UUID(v) }),
		ChunkIndex:        int(decodeInt4(values[4])),
		Content:           string(values[5]),
		StartOffset:       decodeNullable(values[6], decodeInt4),
		EndOffset:         decodeNullable(values[7], decodeInt4),
		TokenCount:        decodeNullable(values[8], func(v []byte) int { return int(decodeInt4(v)) }),
		EmbeddingVectorID: decodeNullable(values[9], func(v []byte) string { return string(v) }),
		Enabled:           values[10][0] != 0,
		EditedAt:          decodeNullable(values[11], decodeTimestamptz),
		Metadata:          append([]byte{}, values[12]...),
		CreatedAt:         decodeTimestamptz(values[13]),
		UpdatedAt:         decodeTimestamptz(values[14]),
	}, true
}

func decodeNullable[T any](value []byte, decode func([]byte) T) *T {
	if value == nil {
		return nil
	}
	decoded := decode(value)
	return &decoded
}

func decodeInt4(value []byte) int64 { return int64(int32(binary.BigEndian.Uint32(value))) }

// postgresEpoch is 2000-01-01 UTC, from which PostgreSQL counts, in microseconds of
// Unix time.
const postgresEpoch = 946_684_800_000_000

// isInfinite reports whether an instant is one of PostgreSQL's two infinities, or so
// near to them that no clock gets there.
func isInfinite(value []byte) bool {
	return len(value) > 0 && (value[0] == 0x7f || value[0] == 0x80)
}

func decodeTimestamptz(value []byte) time.Time {
	return time.UnixMicro(int64(binary.BigEndian.Uint64(value)) + postgresEpoch)
}
