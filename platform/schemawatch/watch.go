package schemawatch

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/database"
	"semantik/schema"
)

// Interval is how often a program looks.
const Interval = time.Second

// lookTimeout bounds one look: a database that does not answer is not waited for, and
// is not written to either.
const lookTimeout = 5 * time.Second

// ErrNewer refuses to write to a database of a newer program.
var ErrNewer = apperr.New(apperr.Unavailable, "schema_newer",
	"The database was upgraded for a newer version of the program, so that this server only reads any more. Try again at an upgraded server.").
	WithRetryAfter(30 * time.Second)

// ErrOlder refuses to write to a database whose schema was rolled back.
var ErrOlder = apperr.New(apperr.Unavailable, "schema_older",
	"The schema of the database was rolled back, so that this server cannot work with it. Try again at a server of the version before.").
	WithRetryAfter(30 * time.Second)

// Schema is what is asked: [schema.Manager].
type Schema interface {
	// MayWrite is a [schema.NewerSchemaError] or a [schema.OlderSchemaError] when this
	// program may not write.
	MayWrite(ctx context.Context) error
}

// Watch looks whether this program may write.
type Watch struct {
	db     *database.DB
	schema Schema
	log    *slog.Logger
}

// New makes a watch; [Watch.Run] looks.
func New(db *database.DB, s Schema, log *slog.Logger) *Watch {
	return &Watch{db: db, schema: s, log: log}
}

// refusal is what clients hear: both numbers, and who has to do something; nil for an error
// that says nothing about the schema.
func refusal(err error) *apperr.Error {
	if e, ok := errors.AsType[*schema.OlderSchemaError](err); ok {
		to := "was rolled back to nothing"
		if e.DatabaseRevision > 0 {
			to = fmt.Sprintf("was rolled back to revision %d", e.DatabaseRevision)
		}
		return ErrOlder.WithMessagef("The schema of the database %s and this server needs revision %d. "+
			"The operator must start the version of the program before, or this one again, which applies its schema again.", to, e.Revision).WithCause(e)
	}
	e, ok := errors.AsType[*schema.NewerSchemaError](err)
	if !ok {
		return nil
	}
	what, database, program := "revision", e.DatabaseRevision, e.Revision
	if e.DatabaseRevision <= e.Revision {
		what, database, program = "version of the job queue", e.DatabaseQueueVersion, e.QueueVersion
	}
	return ErrNewer.WithMessagef("The database was upgraded to %s %d and this server knows %d, so that it only reads any more. "+
		"The operator must start the newer version of the program.", what, database, program).WithCause(e)
}

// Run looks again and again until the context ends.
func (w *Watch) Run(ctx context.Context) {
	again := time.NewTicker(Interval)
	defer again.Stop()
	for {
		w.Look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// Look asks once. A database that cannot be asked leaves things as they are.
func (w *Watch) Look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	err := w.schema.MayWrite(bounded)
	reason := refusal(err)
	stopped := w.db.WritingStopped() != nil
	switch {
	case reason != nil:
		w.db.StopWriting(reason)
		if !stopped {
			w.log.ErrorContext(ctx, "nothing is written any more: "+err.Error())
		}
	case err != nil:
		if ctx.Err() == nil {
			w.log.DebugContext(ctx, "whether the schema is this program's cannot be told", "error", err)
		}
	case stopped:
		w.db.ResumeWriting()
		w.log.WarnContext(ctx, "the schema is this program's again, and is written to")
	}
}
