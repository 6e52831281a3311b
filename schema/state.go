package schema

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

const (
	// publicSchema is the PostgreSQL schema that our tables live in.
	publicSchema = "public"
	// AsideSchema is the PostgreSQL schema in which a restore keeps what was in the
	// database before, until all is restored. As long as it is there, what is in the
	// database is not whole.
	AsideSchema = "semantik_before_restore"
	// minPostgres is the oldest server version, as server_version_num gives it.
	minPostgres = 150000
)

// state is what a glance at the database tells, without planning anything.
type state struct {
	postgres       string
	postgresNumber int
	applied        bool // the tables are there, by whatever hand
	hasHistory     bool
	partitionCount int // 0: no collections table
	queueVersion   int // 0: the queue has no tables
	last           *Entry
	restoring      bool         // a restore has begun and not ended
	unfinished     []unfinished // indexes that are declared and not in force yet
}

// querier is a pool or a connection.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

const stateSQL = `
select current_setting('server_version'),
       current_setting('server_version_num')::integer,
       to_regclass('public.collections') is not null,
       to_regclass('public.schema_history') is not null,
       to_regclass($1) is not null,
       coalesce((
           select substring(pg_get_expr(d.adbin, d.adrelid) from '% \(?(\d+)')::integer
           from pg_attrdef d
           join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
           where d.adrelid = to_regclass('public.collections')
             and a.attname = 'partition_key'
       ), 0),
       to_regnamespace($2) is not null`

// readState looks at the database and refuses one that is too old.
func (m *Manager) readState(ctx context.Context, q querier) (state, error) {
	if err := m.validate(); err != nil {
		return state{}, err
	}
	var st state
	var hasQueue bool
	err := q.QueryRow(ctx, stateSQL, m.o.QueueSchema+".river_migration", AsideSchema).
		Scan(&st.postgres, &st.postgresNumber, &st.applied, &st.hasHistory, &hasQueue, &st.partitionCount, &st.restoring)
	if err != nil {
		return state{}, fmt.Errorf("looking at the schema: %w", err)
	}
	if st.postgresNumber < minPostgres {
		return state{}, &PostgresVersionError{Version: st.postgres}
	}
	if hasQueue {
		if st.queueVersion, err = m.readQueueVersion(ctx, q); err != nil {
			return state{}, err
		}
	}
	if st.hasHistory {
		if st.last, err = readLastApply(ctx, q); err != nil {
			return state{}, err
		}
		if st.unfinished, err = m.readUnfinished(ctx, q, st.last); err != nil {
			return state{}, err
		}
	}
	return st, nil
}

// revision that the database was last brought to; 0 when nobody wrote it down.
func (st state) revision() int {
	if st.last == nil {
		return 0
	}
	return st.last.Revision
}

// isCurrent reports whether this very schema was the last one applied.
func (m *Manager) isCurrent(st state) bool {
	return st.applied && st.last != nil && st.last.Hash == m.decl.hash() && st.queueVersion == queueVersion()
}

// refuse gives the reason why this program must not change this database.
func (m *Manager) refuse(st state) error {
	if st.restoring && !m.o.Restoring {
		return ErrRestoring
	}
	if m.isNewer(st) {
		return m.newer(st)
	}
	return m.refusePartitions(st)
}

func (m *Manager) refusePartitions(st state) error {
	if m.o.PartitionCount > 0 && st.partitionCount > 0 && m.o.PartitionCount != st.partitionCount {
		return &PartitionCountError{Configured: m.o.PartitionCount, Database: st.partitionCount}
	}
	return nil
}

// State of a database's schema.
type State string

// The states, as [Manager.Status] tells them apart.
const (
	StateEmpty   State = "empty"   // no schema yet
	StateCurrent State = "current" // this program's schema was the last one applied
	StatePending State = "pending" // there is something to apply
	StateNewer   State = "newer"   // made by a newer program
	// StateRestoring says that a restore goes on or was cut short: what is there is not
	// whole, whatever its schema.
	StateRestoring State = "restoring"
)

// Status tells where the database stands. It goes by what is written in the
// history; whether somebody has changed things since is for [Manager.Check].
type Status struct {
	State                State  `json:"state"`
	Revision             int    `json:"revision"`
	DatabaseRevision     int    `json:"database_revision"` // 0: not known
	Hash                 string `json:"hash"`
	DatabaseHash         string `json:"database_hash"` // "": not known
	QueueVersion         int    `json:"queue_version"`
	DatabaseQueueVersion int    `json:"database_queue_version"` // 0: no queue
	PartitionCount       int    `json:"partition_count"`        // 0: no schema yet
	PostgresVersion      string `json:"postgres_version"`
	LastApply            *Entry `json:"last_apply"` // nil: none, or undone
	// MayWrite says whether a server of this program writes to the database: not to a
	// newer one, unless that one still goes with it.
	MayWrite bool `json:"may_write"`
	// Unfinished are indexes that an apply builds after its transaction and that are
	// not in force yet. The program does well without them, so that the schema may be
	// current all the same.
	Unfinished []string `json:"unfinished"`
}

// Status tells whether the schema is up to date, pending, newer than this
// program, not there, or being restored. It reads a few rows and locks nothing.
//
// A server that is too old is a [PostgresVersionError].
func (m *Manager) Status(ctx context.Context) (*Status, error) {
	st, err := m.readState(ctx, m.pool)
	if err != nil {
		return nil, err
	}
	s := &Status{
		Revision:             m.decl.revision,
		DatabaseRevision:     st.revision(),
		Hash:                 m.decl.hash(),
		QueueVersion:         queueVersion(),
		DatabaseQueueVersion: st.queueVersion,
		PartitionCount:       st.partitionCount,
		PostgresVersion:      st.postgres,
		LastApply:            st.last,
		MayWrite:             !m.isNewer(st) || m.admits(st),
		Unfinished:           indexNames(st.unfinished),
	}
	if st.last != nil {
		s.DatabaseHash = st.last.Hash
	}
	switch {
	case st.restoring && !m.o.Restoring:
		s.State = StateRestoring
	case m.isNewer(st):
		s.State = StateNewer
	case !st.applied:
		s.State = StateEmpty
	case m.isCurrent(st):
		s.State = StateCurrent
	default:
		s.State = StatePending
	}
	return s, nil
}
