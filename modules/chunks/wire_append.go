package chunks

import (
	"strconv"

	"semantik/platform/web"
)

// The JSON of chunks is appended by hand: with encoding/json it is a third of the work
// of a page. A test compares the two.

// AppendJSON implements [web.JSONAppender].
func (p chunkPageBody) AppendJSON(b []byte) []byte {
	b = append(b, `{"chunks":`...)
	b = appendChunkBodies(b, p.Chunks)
	b = append(b, `,"total":`...)
	b = appendInteger(b, p.Total)
	b = append(b, `,"page":`...)
	b = strconv.AppendInt(b, int64(p.Page), 10)
	b = append(b, `,"page_size":`...)
	b = strconv.AppendInt(b, int64(p.PageSize), 10)
	b = append(b, `,"has_next":`...)
	b = strconv.AppendBool(b, p.HasNext)
	b = append(b, `,"next":`...)
	b = appendString(b, p.Next)
	return append(b, '}')
}

func appendChunkBodies(b []byte, list []chunkBody) []byte {
	b = append(b, '[')
	for i := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = list[i].appendJSON(b)
	}
	return append(b, ']')
}

func (c *chunkBody) appendJSON(b []byte) []byte {
	b = appendBegin(b, c.ID, c.CollectionID, c.DocumentID, c.ChunkIndex, c.Content)
	b = append(b, `,"token_count":`...)
	b = strconv.AppendInt(b, int64(c.TokenCount), 10)
	b = append(b, `,"char_count":`...)
	b = strconv.AppendInt(b, int64(c.CharCount), 10)
	b = appendMiddle(b, c.StartOffset, c.EndOffset, c.Metadata)
	b = append(b, `,"created_at":`...)
	b = appendValue(b, c.CreatedAt)
	b = append(b, `,"updated_at":`...)
	b = appendValue(b, c.UpdatedAt)
	return append(c.appendMembers(b), '}')
}

// AppendJSON implements [web.JSONAppender].
func (c oneChunkBody) AppendJSON(b []byte) []byte {
	b = appendBegin(b, c.ID, c.CollectionID, c.DocumentID, c.ChunkIndex, c.Content)
	b = append(b, `,"token_count":`...)
	b = appendInteger(b, c.TokenCount)
	b = appendMiddle(b, c.StartOffset, c.EndOffset, c.Metadata)
	b = append(b, `,"created_at":`...)
	b = c.CreatedAt.AppendJSON(b)
	b = append(b, `,"updated_at":`...)
	b = c.UpdatedAt.AppendJSON(b)
	b = c.appendMembers(b)
	if c.Before != nil {
		b = append(b, `,"before":`...)
		b = appendChunkBodies(b, *c.Before)
	}
	if c.After != nil {
		b = append(b, `,"after":`...)
		b = appendChunkBodies(b, *c.After)
	}
	return append(b, '}')
}

// appendBegin appends the members that all forms of a chunk begin with.
func appendBegin(b []byte, id int64, collection web.UUID, document *web.UUID, index int, content string) []byte {
	b = append(b, `{"id":`...)
	b = strconv.AppendInt(b, id, 10)
	b = append(b, `,"collection_id":`...)
	b = collection.AppendJSON(b)
	b = append(b, `,"document_id":`...)
	b = appendValue(b, document)
	b = append(b, `,"chunk_index":`...)
	b = strconv.AppendInt(b, int64(index), 10)
	b = append(b, `,"content":`...)
	return appendQuoted(b, content)
}

// appendMiddle appends the members that all forms have after their counts.
func appendMiddle(b []byte, start, end *int64, metadata []byte) []byte {
	b = append(b, `,"start_offset":`...)
	b = appendInteger(b, start)
	b = append(b, `,"end_offset":`...)
	b = appendInteger(b, end)
	b = append(b, `,"metadata":`...)
	return appendRaw(b, metadata)
}

// appendMembers appends the members, each with its comma before it.
func (m *ChunkMarks) appendMembers(b []byte) []byte {
	b = append(b, `,"embedding_vector_id":`...)
	b = appendString(b, m.EmbeddingVectorID)
	b = append(b, `,"enabled":`...)
	b = strconv.AppendBool(b, m.Enabled)
	b = append(b, `,"edited_at":`...)
	return appendValue(b, m.EditedAt)
}

// appendValue appends a value that may be missing.
func appendValue[T web.JSONAppender](b []byte, value *T) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	return (*value).AppendJSON(b)
}

func appendInteger[T int | int64](b []byte, value *T) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	return strconv.AppendInt(b, int64(*value), 10)
}

func appendString(b []byte, value *string) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	return appendQuoted(b, *value)
}

// appendRaw appends what is JSON already.
func appendRaw(b, value []byte) []byte {
	if value == nil {
		return append(b, "null"...)
	}
	return append(b, value...)
}
