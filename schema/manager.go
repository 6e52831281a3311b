package schema

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// Defaults of [Options].
const (
	DefaultQueueSchema = "river"
	DefaultLockTimeout = 5 * time.Second
	DefaultWaitTimeout = 2 * time.Minute
	DefaultLargeTable  = 64 << 20
)

// Options of a [Manager]. The zero value is ready for use.
type Options struct {
	// PartitionCount is how many partitions the chunks get when the schema is
	// first applied, 1 to 1000. Afterwards the database decides, and another
	// number here is a [PartitionCountError]. Zero means: what the database has,
	// and [DefaultPartitionCount] for a new one.
	PartitionCount int
	// QueueSchema is the PostgreSQL schema of the job queue's tables;
	// [DefaultQueueSchema] when empty.
	QueueSchema string
	// Version of the program, for the history; "unknown" when empty.
	Version string
	// LockTimeout bounds how long a statement waits for a table that others use,
	// since everybody else queues behind it; then all is rolled back and tried
	// again a few times. [DefaultLockTimeout] when zero.
	LockTimeout time.Duration
	// WaitTimeout bounds the wait for another process that changes the schema;
	// then it is [ErrBusy]. [DefaultWaitTimeout] when zero.
	WaitTimeout time.Duration
	// LargeTable is the size on the disk, in bytes and without indexes, from which a
	// table counts as large: a plan says so, and an index is built on it while
	// everybody reads and writes. [DefaultLargeTable] when zero.
	LargeTable int64
	// Logger hears of waiting and of attempts that are repeated; nil: nobody.
	Logger *slog.Logger
	// Restoring is set by a restore alone, which makes the schema while the database is
	// not whole; for everybody else that is [ErrRestoring].
	Restoring bool
}

// Manager plans and applies the schema of one database. Its methods may be
// called from several goroutines and several processes at once.
type Manager struct {
	pool *pgxpool.Pool
	o    Options
	decl declaration
	log  *slog.Logger
}

// New returns a manager for the database of the pool. Connections to change the
// schema are opened beside the pool, with its configuration, and closed at the
// end of the call: they need other settings than the program's, and a pool of
// one connection is enough for the caller.
func New(pool *pgxpool.Pool, o Options) *Manager {
	return newManager(pool, o, current())
}

func newManager(pool *pgxpool.Pool, o Options, decl declaration) *Manager {
	if o.QueueSchema == "" {
		o.QueueSchema = DefaultQueueSchema
	}
	if o.Version == "" {
		o.Version = "unknown"
	}
	if o.LockTimeout == 0 {
		o.LockTimeout = DefaultLockTimeout
	}
	if o.WaitTimeout == 0 {
		o.WaitTimeout = DefaultWaitTimeout
	}
	if o.LargeTable == 0 {
		o.LargeTable = DefaultLargeTable
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return &Manager{pool: pool, o: o, decl: decl, log: o.Logger}
}

var identifier = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)

func (m *Manager) validate() error {
	if n := m.o.PartitionCount; n < 0 || n > maxPartitionCount {
		return fmt.Errorf("the partition count must be between 1 and %d, not %d", maxPartitionCount, n)
	}
	// River writes it into its statements, and we do.
	if !identifier.MatchString(m.o.QueueSchema) || m.o.QueueSchema == publicSchema {
		return fmt.Errorf("%q cannot be the queue's schema: lower-case letters, digits and _, and not %q",
			m.o.QueueSchema, publicSchema)
	}
	return nil
}

// partitionCount is the number that a plan is made for.
func (m *Manager) partitionCount(st state) int {
	switch {
	case st.partitionCount > 0:
		return st.partitionCount
	case m.o.PartitionCount > 0:
		return m.o.PartitionCount
	default:
		return DefaultPartitionCount
	}
}

// PartitionCount reads out of the database how many partitions its chunks have.
// It is [ErrNotApplied] while there is no schema.
func (m *Manager) PartitionCount(ctx context.Context) (int, error) {
	st, err := m.readState(ctx, m.pool)
	if err != nil {
		return 0, err
	}
	if st.partitionCount == 0 {
		return 0, ErrNotApplied
	}
	return st.partitionCount, nil
}
