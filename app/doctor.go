package app

import (
	"semantik/modules/chunks"
	"semantik/modules/chunks/partitions"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations/doctor"
	"semantik/platform/config"
)

// joinDoctor makes what examines and mends the database, from what is joined already.
func (a *App) joinDoctor(c *config.Config, o Options) {
	a.Doctor = doctor.New(doctor.Deps{
		DB: a.DB, Schema: a.Schema, Partitions: a.Partitions, PartitionRows: partitions.NewRepository(a.DB), Analyzer: a.Analyzer,
		Collections: a.Collections, CollectionRows: collections.NewRepository(a.DB),
		Documents: a.Documents, DocumentRows: documents.NewRepository(a.DB), ChunkRows: chunks.NewRepository(a.DB),
		Starter: a.starter, Audit: a.Audit, Upkeep: a.upkeepDeps(),
	}, doctor.Config{
		Rows: c.Operations.PurgeRows, Pause: c.Operations.PurgePause, Connections: c.Database.PoolSize + c.Database.MaxOverflow + 1,
		Embedded: c.DatabaseURL() == "", Logger: o.Logger,
	})
}
