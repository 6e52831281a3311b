package schema

import (
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"fmt"
	"strings"
)

// Revision numbers the schema: one more for each change of it that is released.
// A database with a higher one was made by a newer program, and is left alone.
const Revision = 1

// OldestWriter is the oldest revision whose programs may go on writing to a
// database of this one, which is what an upgrade without downtime needs. It stays
// where it is with a change that an older program does not notice: a new table, an
// index, a column that may be null or has a default. It rises to [Revision] with
// any other: an older program would write rows that are not good any more, so it
// refuses to write.
const OldestWriter = 1

// DefaultPartitionCount is the number of partitions of the chunks where nothing
// else is asked for; it is the number that schema.sql is written with.
const DefaultPartitionCount = 100

// maxPartitionCount bounds the partitions: each costs a dozen relations, and a
// statement that prunes none locks them all.
const maxPartitionCount = 1000

var (
	//go:embed extensions.sql
	extensionsSQL string
	//go:embed schema.sql
	schemaSQL string
	//go:embed functions.sql
	functionsSQL string
	//go:embed partitions.sql
	partitionsSQL string
)

// declaration is a version of the schema: what the database shall look like.
type declaration struct {
	revision     int
	oldestWriter int
	extensions   string
	tables       string
	functions    string
	partitions   string
	tightenings  []Tightening
}

// tightenings are the columns that this schema declares NOT NULL and that an earlier
// one had nullable, on tables that may be large. One can go when no database of that
// earlier revision is left to be upgraded.
var tightenings []Tightening

func current() declaration {
	return declaration{
		revision:     Revision,
		oldestWriter: OldestWriter,
		extensions:   extensionsSQL,
		tables:       schemaSQL,
		functions:    functionsSQL,
		partitions:   partitionsSQL,
		tightenings:  tightenings,
	}
}

// Hash identifies the schema that this program makes, the queue's tables
// included: 64 hexadecimal digits that change when any of it does. Databases
// made from the same hash with the same partition count are alike.
func Hash() string {
	return current().hash()
}

func (d declaration) hash() string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%s queue %d", d.filesHash(), queueVersion())
	return hex.EncodeToString(h.Sum(nil))
}

// filesHash is the part of the hash that the SQL files decide.
func (d declaration) filesHash() string {
	h := sha256.New()
	for _, file := range []string{d.extensions, d.tables, d.functions, d.partitions} {
		// The length keeps two files from passing for one.
		_, _ = fmt.Fprintf(h, "%d\n%s", len(file), file)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// handwritten is what runs after the tables: safe to run again at any time.
func (d declaration) handwritten() string {
	return d.functions + "\n\n" + d.partitions
}

// tablesFor is the declaration of the tables for so many partitions. The number
// stands in one place of schema.sql, the expression that computes the key.
func (d declaration) tablesFor(partitions int) (string, error) {
	written := fmt.Sprintf("%% %d)", DefaultPartitionCount)
	if strings.Count(d.tables, written) != 1 {
		return "", fmt.Errorf("schema.sql must hold %q exactly once", written)
	}
	return strings.Replace(d.tables, written, fmt.Sprintf("%% %d)", partitions), 1), nil
}
