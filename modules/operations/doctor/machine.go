package doctor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"semantik/modules/chunks/partitions"
	"semantik/schema"
)

// machineRules have no statement: what they look at is not within the database alone.
var machineRules = []schema.Rule{ruleGaps, ruleDrift, ruleUnchecked, ruleConnections, ruleDisk, ruleDiskFull, rulePartitions, ruleNotChecked}

var (
	ruleDrift = schema.Rule{
		Key: "schema_drift", Severity: schema.SeverityError,
		Name:    "the database is what the schema declares",
		Meaning: "Somebody has changed tables, constraints, indexes or functions by hand, or a restore has left something out.",
		Remedy:  "semantik schema check lists all of it, and semantik schema plan what semantik schema apply would do about it.",
	}
	ruleUnchecked = schema.Rule{
		Key: "schema_unchecked", Severity: schema.SeverityWarning,
		Name:    "the schema can be compared with what it should be",
		Meaning: "Another process is changing the schema, or the account may not make a schema to compare with.",
		Remedy:  "Run semantik schema check later, or as the database's owner.",
	}
	ruleConnections = schema.Rule{
		Key: "setting_connections", Severity: schema.SeverityWarning,
		Name:    "PostgreSQL takes as many connections as one server asks for",
		Meaning: "Under load requests fail although the server's own limit is not met.",
		Remedy:  "Raise max_connections, or lower DB_POOL_SIZE and DB_MAX_OVERFLOW; each server and each worker has its own.",
	}
	ruleDisk = schema.Rule{
		Key: "disk_low", Severity: schema.SeverityWarning,
		Name:    "a tenth of the disk is free, or as much as the database is large",
		Meaning: "The disk of the data is going to be full; a rebuild of indexes or a backup on the same disk may fill it.",
		Remedy:  "Make room, or move the data to a larger disk.",
	}
	ruleDiskFull = schema.Rule{
		Key: "disk_full", Severity: schema.SeverityError,
		Name:    "a gibibyte of the disk is free",
		Meaning: "PostgreSQL stops when it cannot write its log.",
		Remedy:  "Make room now. Never delete anything in PostgreSQL's own folder.",
	}
	rulePartitions = schema.Rule{
		Key: "partition_health", Severity: schema.SeverityWarning,
		Name:    "no partition has become dear",
		Meaning: "Vacuum, index builds and rebuilds of search rows work on one partition at a time, and are slow where it is too large or badly kept.",
		Remedy:  "semantik partitions has the recommendations.",
	}
)

// drift compares the schema. What other checks name is left to them.
func (d *Doctor) drift(ctx context.Context) ([]Finding, error) {
	drift, err := d.Schema.Check(ctx)
	if err != nil && ctx.Err() == nil {
		// What keeps it from being compared is a finding, and no reason to tell of no other.
		return one(ruleUnchecked, schema.Broken{Count: 1, Examples: []string{err.Error()}}), nil
	}
	if err != nil {
		return nil, err
	}
	drift = slices.DeleteFunc(drift, func(s schema.Drift) bool {
		return s.Problem == schema.ProblemInvalid || s.Problem == schema.ProblemDisabled || s.IsGap() ||
			s.Problem == schema.ProblemMissing && strings.HasPrefix(s.Object, "partition ")
	})
	b := schema.Broken{Count: int64(len(drift))}
	for _, s := range drift[:min(len(drift), schema.ViolationRows)] {
		b.Examples = append(b.Examples, s.String())
	}
	return one(ruleDrift, b), nil
}

// partitions takes over what the watch over the partitions warns of. What is critical has
// checks here that look at every row.
func (d *Doctor) partitionHealth(ctx context.Context) ([]Finding, error) {
	report, err := d.Partitions.Report(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking at the partitions: %w", err)
	}
	var b schema.Broken
	for _, a := range report.Alerts {
		if a.Level == partitions.LevelWarning && report.Autovacuum {
			b.Count++
			b.Examples = append(b.Examples, a.Message+" "+a.Action)
		}
	}
	return one(rulePartitions, b), nil
}

// one is a finding where there is something.
func one(r schema.Rule, b schema.Broken) []Finding {
	if b.Count == 0 {
		return nil
	}
	return []Finding{found(r, b)}
}

const selectServer = `
select version(),
       current_database(),
       pg_database_size(current_database()),
       coalesce(host(inet_server_addr()), ''),
       current_setting('max_connections')::integer - current_setting('superuser_reserved_connections')::integer,
       (select case when pg_has_role('pg_read_all_settings', 'usage') then setting end from pg_settings where name = 'data_directory')`

// server reads what there is to say about the server, and looks at its machine where
// that is this one.
func (d *Doctor) server(ctx context.Context, tx pgx.Tx) (Server, []Finding, error) {
	s := Server{Embedded: d.config.Embedded}
	var address string
	var room int
	var directory *string
	if err := tx.QueryRow(ctx, selectServer).Scan(&s.Version, &s.Database, &s.Bytes, &address, &room, &directory); err != nil {
		return s, nil, fmt.Errorf("asking for the server's version: %w", err)
	}
	var findings []Finding
	if d.config.Connections > room {
		findings = append(findings, found(ruleConnections, schema.Broken{Count: 1, Examples: []string{
			fmt.Sprintf("one server asks for %d, and PostgreSQL has %d to give", d.config.Connections, room),
		}}))
	}
	if directory == nil || address != "" && address != "127.0.0.1" && address != "::1" {
		return s, findings, nil
	}
	free, total, err := d.config.Disk(*directory)
	if errors.Is(err, errNotHere) {
		return s, findings, nil
	}
	if err != nil {
		return s, nil, fmt.Errorf("asking how full the disk is: %w", err)
	}
	s.FreeBytes = &free
	return s, append(findings, disk(free, total, s.Bytes)...), nil
}

const gibibyte = 1 << 30

// disk judges how full the disk is.
func disk(free, total, database int64) []Finding {
	b := schema.Broken{Count: 1, Examples: []string{fmt.Sprintf("%.1f of %.1f GiB are free", float64(free)/gibibyte, float64(total)/gibibyte)}}
	switch {
	case free < gibibyte:
		return []Finding{found(ruleDiskFull, b)}
	case free < total/10 && free < database:
		return []Finding{found(ruleDisk, b)}
	}
	return nil
}
