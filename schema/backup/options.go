package backup

import (
	"log/slog"

	"semantik/schema"
)

// DefaultJobs is how many sessions work at the same time where nobody says.
const DefaultJobs = 2

// Common is what a backup, a restore and a verification are told alike. The zero value is
// ready for use.
type Common struct {
	// Jobs is how many sessions work at the same time; [DefaultJobs] if zero.
	Jobs int
	// QueueSchema is the PostgreSQL schema of the job queue's tables;
	// [schema.DefaultQueueSchema] when empty.
	QueueSchema string
	// Version of the program, for the manifest, and for the history of the schema.
	Version string
	// Progress hears how far it is; nil: nobody.
	Progress Progress
	// Logger hears of what is out of the ordinary; nil: nobody.
	Logger *slog.Logger
}

func (o *Common) complete() {
	if o.Jobs == 0 {
		o.Jobs = DefaultJobs
	}
	if o.QueueSchema == "" {
		o.QueueSchema = schema.DefaultQueueSchema
	}
	if o.Progress == nil {
		o.Progress = silent{}
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
}
