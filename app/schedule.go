package app

import (
	"context"
	"fmt"
	"time"

	"semantik/modules/chunks"
	"semantik/modules/chunks/partitions"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/operations/upkeep"
	"semantik/modules/users"
	"semantik/platform/archive"
	"semantik/platform/audit"
	"semantik/platform/config"
	"semantik/platform/schedule"
)

// analyzeLimit is more than the two statements together may take.
const analyzeLimit = 45 * time.Minute

// upkeepDeps are what looking after the data of all collections stands on.
func (a *App) upkeepDeps() upkeep.Deps {
	return upkeep.Deps{
		DB: a.DB, Collections: a.Collections, CollectionRows: collections.NewRepository(a.DB), DocumentRows: documents.NewRepository(a.DB),
		ChunkRows: chunks.NewRepository(a.DB), OperationRows: operations.NewRepository(a.DB), UserRows: users.NewRepository(a.DB), Audit: a.Audit, Keys: a.Idempotency,
		Queue: a.Queue,
	}
}

// joinSchedule makes the schedule of what the program does by the clock, from what is
// joined already.
func (a *App) joinSchedule(c *config.Config, o Options) (err error) {
	tasks := append([]schedule.Task{
		{
			Name: "audit-log", Every: audit.KeepEvery, Again: audit.KeepAgain, AtOnce: true,
			Description: "Make the months of the audit log ahead of time, and drop those that are older than AUDIT_RETENTION_MONTHS, " +
				"once they are in a file in ARCHIVE_DIR.",
			Do: func(ctx context.Context, _ *schedule.Run) (string, error) { return a.AuditKeeper.Report(ctx) },
		},
		{
			Name: "analyze", Every: partitions.AnalyzeEvery, AtOnce: true, Limit: analyzeLimit,
			Description: "Have PostgreSQL analyze the parents of the partitions, once a tenth of their rows has changed and at least daily.",
			Do:          func(ctx context.Context, _ *schedule.Run) (string, error) { return a.Analyzer.Report(ctx) },
		},
		{
			Name: "sync", Every: time.Minute, AtOnce: true,
			Description: "Start a run over the sources of each collection that is synchronised by itself and due.",
			Do:          func(ctx context.Context, _ *schedule.Run) (string, error) { return a.syncDue(ctx) },
		},
	}, upkeep.Tasks(a.upkeepDeps(), upkeep.Config{
		Trash: c.Retention.Trash, Operations: c.Retention.Operations, APIKeys: c.Retention.APIKeys,
		Archive: archive.New(c.Store.ArchiveDir), SpoolDir: spoolDir(c),
		Rows: c.Operations.PurgeRows, Pause: c.Operations.PurgePause, Logger: o.Logger,
	})...)
	a.Schedule, err = schedule.New(a.DB, a.Queue, a.Audit, schedule.Config{Manual: o.Quick, Logger: o.Logger}, tasks...)
	if err != nil {
		return err
	}
	schedule.Register(a.Server.API(), a.Schedule)
	return nil
}

// syncDue is [collections.Service.SyncDue], with a sentence about it.
func (a *App) syncDue(ctx context.Context) (string, error) {
	started, err := a.Collections.SyncDue(ctx)
	return fmt.Sprintf("Runs started: %d.", started), err
}
