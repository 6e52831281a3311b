package partitions

import (
	"time"

	"github.com/google/uuid"
)

// Partition is one partition of the chunks with that of their search rows beside
// it. What is counted is estimated, unless somebody asked for exact counts.
type Partition struct {
	// Num is the key that the partition is for.
	Num int
	// Chunks and Search are its two tables.
	Chunks, Search Table
	// Collections is how many have this key, deleted ones left out.
	Collections int64
	// Largest is the collection with the most chunks, and LargestChunks how many.
	Largest       uuid.UUID
	LargestChunks int64
}

// Table is what the catalog and the statistics tell of one table.
type Table struct {
	// Exists is false for a table that is missing.
	Exists bool
	Rows   int64
	// DeadRows are those that a vacuum has not taken away yet.
	DeadRows int64
	// Bytes are those of the heap, its indexes and what is stored out of line.
	Bytes int64
	// LastVacuum and LastAnalyze are the later of what was done by hand and by
	// autovacuum; nil where the statistics know of none.
	LastVacuum, LastAnalyze *time.Time
	// Busy is set while the table is being vacuumed or analyzed.
	Busy bool
	// Kept is set where the table has autovacuum's settings of the schema.
	Kept bool
}

// Parent is one of the two partitioned tables.
type Parent struct {
	Name        string
	LastAnalyze *time.Time
}

// Method is how a chunk comes to its partition, as the live catalog has it.
type Method struct {
	// Strategy is PostgreSQL's: LIST, RANGE or HASH; "" where chunks is not
	// partitioned. Column is what it is partitioned by.
	Strategy, Column string
	// Count is how many partitions the expression tells apart.
	Count int
	// Expression generates the key on collections; "" where it is not generated.
	Expression string
	// ForeignKey copies it down: the constraint that ties a chunk's key to its
	// collection's; "" for none.
	ForeignKey string
	// GeneratedOnChunks is set where the key is generated on chunks, and Triggers
	// are those that run before a chunk is inserted.
	GeneratedOnChunks bool
	Triggers          []string
}

// AsDesigned reports whether the key is generated on collections and copied down by
// foreign key, with nothing else that could set it.
func (m Method) AsDesigned() bool {
	return m.Strategy == "LIST" && m.Column == keyColumn && m.Expression != "" && m.ForeignKey != "" && !m.GeneratedOnChunks && len(m.Triggers) == 0
}

// keyColumn is the column of the key, on collections and below.
const keyColumn = "partition_key"

// Verification is what came of computing the keys again.
type Verification struct {
	// Collections is how many have been looked at, all of them, and
	// CollectionsWrong those whose key is not what the formula gives.
	Collections, CollectionsWrong int64
	// Chunks is how many have been looked at, a sample of the partitions Sampled,
	// and ChunksWrong those that lie in another partition than their collection's.
	Chunks, ChunksWrong int64
	// Sampled are the partitions that were looked into, and WrongIn those of them
	// with a chunk that is wrong.
	Sampled, WrongIn []int
}

// Facts are all that there is to judge by.
type Facts struct {
	// At is the time of the database.
	At           time.Time
	Partitions   []Partition
	Parents      []Parent
	Method       Method
	Verification Verification
	// Autovacuum is set where the server has it on.
	Autovacuum bool
}
