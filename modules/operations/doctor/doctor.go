package doctor

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/modules/chunks"
	"semantik/modules/chunks/partitions"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/operations"
	"semantik/modules/operations/upkeep"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/schema"
)

// errNotHere means that the disk of the data is not one of this machine's.
var errNotHere = errors.New("the data is not on this machine")

// Deps are what the doctor stands on.
type Deps struct {
	DB             *database.DB
	Schema         *schema.Manager
	Partitions     *partitions.Service
	PartitionRows  *partitions.Repository
	Analyzer       *partitions.Analyzer
	Collections    *collections.Service
	CollectionRows *collections.Repository
	Documents      *documents.Service
	DocumentRows   *documents.Repository
	ChunkRows      *chunks.Repository
	Starter        *operations.Starter
	Audit          *audit.Log
	// Upkeep is what recounting stands on.
	Upkeep upkeep.Deps
}

// Config says how the doctor works.
type Config struct {
	// Rows is how many rows one transaction changes at the most;
	// [operations.DefaultPurgeRows] if zero. Pause is the time between two.
	Rows  int
	Pause time.Duration
	// Connections is how many one process of the program may have to the database.
	Connections int
	// Embedded says that the database is the one that the program brings itself.
	Embedded bool
	// Disk tells what is free on the disk of a folder, and how much there is; that of
	// this machine if nil.
	Disk func(directory string) (free, total int64, err error)
	// Logger receives what is worth keeping; nil discards it.
	Logger *slog.Logger
}

// Doctor examines and mends one database.
type Doctor struct {
	Deps

	config     Config
	repository *repository
}

// New makes a doctor.
func New(deps Deps, config Config) *Doctor {
	if config.Rows <= 0 {
		config.Rows = operations.DefaultPurgeRows
	}
	if config.Disk == nil {
		config.Disk = diskOf
	}
	if config.Logger == nil {
		config.Logger = slog.New(slog.DiscardHandler)
	}
	return &Doctor{Deps: deps, config: config, repository: &repository{deps.DB}}
}

// Progress hears which check comes next, and how many there are; nil is nobody.
type Progress func(done, total int, what string)

// Examine makes all checks. It changes nothing, and reads the data in one snapshot while
// others write. It is for administrators: see [auth.RequireAdmin].
func (d *Doctor) Examine(ctx context.Context, progress Progress) (Report, error) {
	if err := auth.RequireAdmin(ctx); err != nil {
		return Report{}, err
	}
	if progress == nil {
		progress = func(int, int, string) {}
	}
	began := time.Now()
	rules := slices.Concat(schema.Rules(), stateRules, catalogRules, useRules(usual), serverRules(usual), settingRules(usual))
	report := Report{Checks: len(rules) + len(machineRules), Findings: []Finding{}}

	tx, err := d.DB.Pool().BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return report, fmt.Errorf("examining the database: %w", d.DB.Translate(err))
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	var machine []Finding
	if report.Server, machine, err = d.server(ctx, tx); err != nil {
		return report, err
	}
	done := 0
	var left unmade
	violations, unchecked, err := schema.CheckEach(ctx, tx, rules, func(next []schema.Rule) {
		progress(done, report.Checks, next[0].Name)
		done += len(next)
	})
	if err != nil {
		return report, err
	}
	for _, v := range violations {
		report.Findings = append(report.Findings, found(v.Rule, v.Broken))
	}
	for _, u := range unchecked {
		if err := left.add(ctx, u.Rule, u.Err); err != nil {
			return report, err
		}
	}
	// Whoever builds an index beside its use waits for snapshots that are older.
	if err := tx.Rollback(ctx); err != nil {
		return report, fmt.Errorf("examining the database: %w", err)
	}
	if err := d.lookBeside(ctx, &report, &left, func(r schema.Rule) { progress(done, report.Checks, r.Name); done++ }); err != nil {
		return report, err
	}
	report.Findings = append(report.Findings, machine...)
	report.Findings = append(report.Findings, one(ruleNotChecked, left.Broken)...)
	report.sort()
	report.Seconds = time.Since(began).Seconds()
	return report, nil
}

// lookBeside makes the checks that have no statement. That of the partitions comes first
// in the report, since others come of it.
func (d *Doctor) lookBeside(ctx context.Context, report *Report, left *unmade, before func(r schema.Rule)) error {
	for _, look := range []struct {
		rule schema.Rule
		do   func(ctx context.Context) ([]Finding, error)
	}{{ruleGaps, d.gaps}, {ruleDrift, d.drift}, {rulePartitions, d.partitionHealth}} {
		before(look.rule)
		more, err := look.do(ctx)
		if err != nil {
			if err := left.add(ctx, look.rule, err); err != nil {
				return err
			}
		}
		if look.rule.Key == ruleGaps.Key {
			report.Findings = append(more, report.Findings...)
			continue
		}
		report.Findings = append(report.Findings, more...)
	}
	return nil
}
