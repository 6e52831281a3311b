package collections

import (
	"github.com/google/uuid"
)

// Permission is what an identity may do with a collection; each includes the
// ones before it.
type Permission int

// The permissions. Read is for whoever the collection is shared with and, for a
// public one, for everybody who has signed in. Write is adding and removing
// content. Admin is renaming, sharing and deleting; owner and superuser have it.
const (
	None Permission = iota
	Read
	Write
	Admin
)

// String is the permission's name as it is stored and shown.
func (p Permission) String() string {
	switch p {
	case Read:
		return "read"
	case Write:
		return "write"
	case Admin:
		return "admin"
	default:
		return "none"
	}
}

// Scope is the proof that the caller may do something with one collection, and
// what every statement on its content needs. It cannot be made outside this
// package; the zero value is a scope of no collection and finds nothing.
type Scope struct {
	collection Collection
	granted    Permission
}

// ID is the collection's id.
func (s Scope) ID() uuid.UUID { return s.collection.ID }

// PartitionKey is the partition that holds the collection's chunks.
func (s Scope) PartitionKey() int { return s.collection.PartitionKey }

// OwnerID is the user who owns the collection.
func (s Scope) OwnerID() int64 { return s.collection.OwnerID }

// Granted is the most that the caller may do.
func (s Scope) Granted() Permission { return s.granted }

// Collection is the row as it was when the right was checked.
func (s Scope) Collection() Collection { return s.collection }
