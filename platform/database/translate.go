package database

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"semantik/platform/apperr"
)

// noPartition is the function of PostgreSQL in which a row finds no partition, which has no
// SQLSTATE of its own.
const noPartition = "ExecFindPartition"

// Translate turns an error of PostgreSQL or of the connection into the caller's
// terms; what is already one of ours, or not PostgreSQL's, comes back as it is.
// A violated constraint becomes the error that its name stands for, and the
// original stays the cause. nil stays nil.
func (db *DB) Translate(err error) error {
	if err == nil {
		return nil
	}
	var own *apperr.Error
	if errors.As(err, &own) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		if connectionLost(err) {
			return ErrUnavailable.WithCause(err)
		}
		return err
	}
	switch pgErr.Code {
	case codeUniqueViolation, codeForeignKeyViolation, codeRestrictViolation, codeCheckViolation, codeExclusionViolation:
		if known, ok := db.constraints[db.rootConstraint(pgErr.ConstraintName)]; ok {
			return known.WithCause(err)
		}
		if pgErr.Routine == noPartition {
			return ErrPartitionMissing.WithCause(err)
		}
		return fmt.Errorf("constraint %q has no error of its own: %w", pgErr.ConstraintName, err)
	case codeNotNullViolation: // it has no name, only a column
		return ErrValueMissing.WithMessagef("A value that is required is missing: %s.", pgErr.ColumnName).WithCause(err)
	case codeSerializationFailure, codeDeadlockDetected, codeLockNotAvailable:
		return ErrBusy.WithCause(err)
	case codeQueryCanceled:
		return ErrTimeout.WithCause(err)
	case codeDiskFull:
		return ErrStorageFull.WithCause(err)
	case codeCharacterNotInSet, codeUntranslatable, codeInvalidText:
		return ErrInvalidText.WithCause(err)
	case codeNumberOutOfRange:
		return ErrInvalidNumber.WithCause(err)
	case codeReadOnlyTransaction:
		if reason := db.refusal.Load(); reason != nil {
			return reason.WithCause(err)
		}
		return ErrReadOnly.WithCause(err)
	case codeUndefinedTable, codeUndefinedColumn, codeUndefinedFunction:
		if reason := db.refusal.Load(); reason != nil { // it was there, and is not in this schema
			return reason.WithCause(err)
		}
	}
	if connectionLost(err) || strings.HasPrefix(pgErr.Code, classResources) {
		return ErrUnavailable.WithCause(err)
	}
	return err
}

// rootConstraint gives the name that a constraint has on the partitioned table,
// for one that PostgreSQL named on a partition.
func (db *DB) rootConstraint(name string) string {
	if parents := db.parents.Load(); parents != nil {
		if parent, ok := (*parents)[name]; ok {
			return parent
		}
	}
	return name
}

// selectPartitionConstraints lists every index and constraint of a partition
// whose name differs from its parent's. A uniqueness error names the index of
// the partition, and that name is PostgreSQL's choice.
const selectPartitionConstraints = `
select child.relname, parent.relname
from pg_catalog.pg_inherits i
join pg_catalog.pg_class child on child.oid = i.inhrelid
join pg_catalog.pg_class parent on parent.oid = i.inhparent
where child.relkind = 'i'
  and child.relname <> parent.relname
union
select child.conname, parent.conname
from pg_catalog.pg_constraint child
join pg_catalog.pg_constraint parent on parent.oid = child.conparentid
where child.conname <> parent.conname`

// ReadConstraintNames reads how the partitions' constraints are called. Call it
// once the schema is in place; until then a violation in a partition is not
// recognised by its name.
func (db *DB) ReadConstraintNames(ctx context.Context) error {
	rows, err := db.Querier(ctx).Query(ctx, selectPartitionConstraints)
	if err != nil {
		return fmt.Errorf("reading the names of the partitions' constraints: %w", db.Translate(err))
	}
	parents := map[string]string{}
	var child, parent string
	_, err = pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		parents[child] = parent
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading the names of the partitions' constraints: %w", db.Translate(err))
	}
	db.parents.Store(&parents)
	return nil
}
