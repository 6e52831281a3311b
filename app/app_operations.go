package app

import (
	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/users"
	"semantik/platform/config"
)

// rows are the repositories that background work reads and writes.
type rows struct {
	collections *collections.Repository
	documents   *documents.Repository
	chunks      *chunks.Repository
	operations  *operations.Repository
}

// joinOperations builds the worker with every kind of work, and the service that
// watches and cancels it.
func (a *App) joinOperations(c *config.Config, o Options, r rows, starter *operations.Starter, status *collections.StatusChanger, sources *connectors.Registry) error {
	deps := operations.AppendDeps{
		DB: a.DB, Documents: r.documents, Chunks: r.chunks, Collections: r.collections, Importer: a.Documents, Connectors: sources,
	}
	works := operations.NewWorks(
		operations.NewAppendWork(operations.TypeIndex, deps),
		operations.NewAppendWork(operations.TypeAppend, deps),
		operations.NewReindexWork(deps),
		operations.NewAppendWork(operations.TypeRetry, deps),
		operations.NewRemoveSourceWork(a.DB, r.documents, r.chunks, r.collections, a.Documents, a.Audit),
		operations.NewPurgeWork(a.DB, r.documents, r.chunks, r.collections,
			operations.PurgeConfig{Rows: c.Operations.PurgeRows, Pause: c.Operations.PurgePause}),
	)
	measured := operations.NewMetrics(a.Metrics)
	a.Operations = operations.NewService(operations.Deps{
		DB: a.DB, Repository: r.operations, Collections: a.Collections, Rows: r.collections, Status: status,
		Directory: users.NewRepository(a.DB), Audit: a.Audit, Works: works, Metrics: measured,
	})

	var err error
	a.Worker, err = operations.NewWorker(a.DB, r.operations, starter, a.Collections, r.collections,
		operations.WorkerConfig{
			Name: workerName(), Lease: c.Operations.Lease, MaxAttempts: c.Operations.MaxAttempts, Slice: c.Operations.Slice,
			Limits: operations.Limits{PerUser: c.Operations.LimitPerUser, Total: c.Operations.Limit}, Logger: o.Logger,
			Metrics: measured, Tracer: a.Tracer,
		}, works)
	return err
}
