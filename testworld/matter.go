package testworld

import (
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Matter is what a request of the matrix is about: the ids that stand in its path
// and what its body needs.
type Matter struct {
	Collection uuid.UUID
	Document   uuid.UUID
	Chunk      int64
	Operation  uuid.UUID
	// APIKey is one of the owner's that was revoked.
	APIKey uuid.UUID
	// Permission is one that nobody of the cast depends on.
	Permission int64
	// Source is where the document comes from.
	Source int64
	// Folder is one that sources may read.
	Folder string
	// User is the owner, or for the superuser one whom nobody needs.
	User int64

	// Name is one that nobody has used yet.
	Name string
}

// path fills the ids in.
func (m Matter) path(route string) string {
	return strings.NewReplacer(
		"{collection_id}", m.Collection.String(),
		"{document_id}", m.Document.String(),
		"{chunk_id}", strconv.FormatInt(m.Chunk, 10),
		"{operation_id}", m.Operation.String(),
		"{key_id}", m.APIKey.String(),
		"{section}", "search",
		"{name}", "expired",
		"{permission_id}", strconv.FormatInt(m.Permission, 10),
		"{source_id}", strconv.FormatInt(m.Source, 10),
		"{user_id}", strconv.FormatInt(m.User, 10),
	).Replace(route)
}

// Absent is a matter that does not exist.
func (c *Cast) Absent() Matter {
	return Matter{Collection: uuid.New(), Document: uuid.New(), Chunk: 1 << 40, Operation: uuid.New(), APIKey: uuid.New(), Permission: 1 << 40, Source: 1 << 40, Folder: c.folder, User: 1 << 40, Name: c.Matter(Owner).Name}
}

// Through is the matter by the path of another one's collection.
func (m Matter) Through(other Matter) Matter {
	m.Collection = other.Collection
	return m
}

// The bodies of the requests.

func registration(m Matter) any {
	return map[string]any{"username": m.Name, "email": m.Name + "@example.com", "password": Password}
}

func credentialsOfRoot(Matter) any {
	return map[string]any{"username": "root", "password": Password}
}

func shortPassword(Matter) any {
	return map[string]any{"current_password": Password, "new_password": "short"}
}

func newFullName(m Matter) any { return map[string]any{"full_name": m.Name} }

func newCollection(m Matter) any { return map[string]any{"name": m.Name} }

func newPermission(Matter) any {
	return map[string]any{"username": newcomer, "permission": "read"}
}

func otherPermission(Matter) any { return map[string]any{"permission": "write"} }

func newFile(m Matter) any {
	return Form{Files: []File{{Path: m.Name + ".txt", Content: m.Name}}}
}

func newChunk(Matter) any {
	index := rand.Int32() //nolint:gosec // one that is free
	return map[string]any{"chunks": []any{map[string]any{"chunk_index": index, "content": "a walrus"}}}
}

// badReindex is refused, since a good one would keep those after it waiting.
func badReindex(Matter) any { return map[string]any{"chunk_size": 1} }

func newVector(m Matter) any {
	return map[string]any{"updates": []any{map[string]any{"chunk_id": m.Chunk, "vector_id": m.Name}}}
}

func newMetadata(m Matter) any {
	return map[string]any{"metadata": map[string]any{"name": m.Name}}
}

func aSearch(m Matter) any {
	return map[string]any{"collection_uuids": []string{m.Collection.String()}, "query": "walrus"}
}

func aSingleSearch(m Matter) any {
	return map[string]any{"collection_id": m.Collection.String(), "query": "walrus"}
}
