package backup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/schema"
)

// RestoreOptions say how a backup comes back.
type RestoreOptions struct {
	// Force replaces what the database holds; without it one that holds anything is
	// refused.
	Force bool
	Common
}

// Restored is what a restore did.
type Restored struct {
	Backup    *Manifest `json:"-"`
	CreatedAt time.Time `json:"backup_created_at"`
	Tables    int       `json:"tables"`
	Rows      int64     `json:"rows"`
	Bytes     int64     `json:"bytes"`
	Indexes   int       `json:"indexes"`
	Keys      int       `json:"foreign_keys"`
	// Replaced reports whether the database held something before, which is gone now.
	Replaced bool `json:"replaced"`
	// LeftIn is the PostgreSQL schema that what was there before is left in, where it
	// could not be dropped in the end, and LeftBecause the reason; "" where it is gone.
	LeftIn      string `json:"left_in,omitempty"`
	LeftBecause string `json:"left_because,omitempty"`
	// Upgraded is what brought the schema of an older backup up to date; nil: it was.
	Upgraded *schema.Applied `json:"upgraded"`
	Seconds  float64         `json:"seconds"`
}

// Errors of a restore.
var (
	// ErrNotEmpty says that the database holds something and that nobody allowed to
	// replace it.
	ErrNotEmpty = errors.New("the database is not empty: it has users or collections; --force replaces what it holds")
	// ErrInUse says that the program runs on the database.
	ErrInUse = errors.New("the database is in use")
	// ErrPartial says that a backup of some collections cannot become a whole database.
	ErrPartial = errors.New("the backup is of some collections, not of a whole database")
	// ErrKeys says that the server computes other partition keys than the one that the
	// rows come from.
	ErrKeys = errors.New("this PostgreSQL computes other partition keys than the one that the backup was made on (its hashtext gives other numbers), " +
		"so that the rows would lie where nobody looks for them; restore it on the version or kind of machine that it was made on")
	// ErrEncoding says that the database cannot hold every text.
	ErrEncoding = errors.New("the database's encoding is not UTF8; make one with \"create database … encoding 'UTF8' template template0\"")
)

// Restore makes the database at the URL what the backup says. The rows are loaded before
// there are indexes and foreign keys, several tables at a time; each table is committed
// only if it has the rows that the manifest tells of. What was in the database is set
// aside until all is there, and put back if anything fails. The schema of an older backup
// is brought up to date at the end.
//
// Errors: [NewerError], [ErrPartial], [ErrNotEmpty], [ErrInUse], [ErrKeys], [ErrEncoding],
// [DependentError], [ErrDamaged], and those of [schema.Manager.Apply].
func Restore(ctx context.Context, url string, b *Backup, o RestoreOptions) (*Restored, error) {
	o.complete()
	begun := time.Now()
	files, err := b.filesToRestore()
	if err != nil {
		return nil, err
	}
	r := &restore{url: url, backup: b, o: o, files: files}
	if r.conn, err = connect(ctx, url, RestoreApplicationName); err != nil {
		return nil, err
	}
	defer func() { _ = disconnect(ctx, r.conn) }()
	result := &Restored{Backup: b.Manifest, CreatedAt: b.Manifest.CreatedAt}
	if result.Replaced, err = r.check(ctx); err != nil {
		return nil, err
	}
	if err := r.setAside(ctx); err != nil {
		return nil, err
	}
	if err := r.fill(ctx, result); err != nil {
		return nil, r.putBack(ctx, err)
	}
	if err := r.dropAside(ctx, result); err != nil {
		return nil, err
	}
	result.Seconds = time.Since(begun).Seconds()
	return result, nil
}

// restore is one that goes on.
type restore struct {
	url    string
	backup *Backup
	o      RestoreOptions
	files  schema.SQLFiles // that the rows were made for
	conn   *pgx.Conn       // holds the restore's lock
}

// filesToRestore gives the schema that the rows were made for, unless it is newer than
// what this program knows.
func (b *Backup) filesToRestore() (schema.SQLFiles, error) {
	m := b.Manifest
	if !m.Whole() {
		return schema.SQLFiles{}, ErrPartial
	}
	if m.Schema.Revision > schema.Revision {
		return schema.SQLFiles{}, &NewerError{Version: m.Version,
			What: fmt.Sprintf("its schema has revision %d, and this program knows up to %d", m.Schema.Revision, schema.Revision)}
	}
	return b.wholeFiles()
}

// fill makes the schema, loads the rows, and looks whether all is as it was.
func (r *restore) fill(ctx context.Context, result *Restored) error {
	applied, err := r.applySchema(ctx, r.files)
	if err != nil {
		return fmt.Errorf("making the schema of the backup: %w", err)
	}
	r.o.Logger.DebugContext(ctx, "made the schema", "statements", len(applied.Statements))
	if err := r.makeMonths(ctx); err != nil {
		return err
	}
	tables, err := r.tablesToLoad(ctx)
	if err != nil {
		return err
	}
	taken, err := takeDefinitions(ctx, r.conn, r.files.TableNames())
	if err != nil {
		return err
	}
	if err := r.load(ctx, tables); err != nil {
		return err
	}
	if err := r.setSequences(ctx); err != nil {
		return err
	}
	if err := r.rebuild(ctx, taken); err != nil {
		return err
	}
	result.Tables, result.Rows, result.Bytes = len(tables), r.backup.Manifest.Rows(), r.backup.Manifest.Bytes()
	result.Indexes, result.Keys = len(taken.indexes), len(taken.keys)
	if r.files.Hash() != schema.CurrentSQLFiles().Hash() {
		if result.Upgraded, err = r.applySchema(ctx, schema.CurrentSQLFiles()); err != nil {
			return fmt.Errorf("bringing the schema of the backup up to date: %w", err)
		}
	}
	return r.lookOver(ctx)
}

func (r *restore) applySchema(ctx context.Context, files schema.SQLFiles) (*schema.Applied, error) {
	pool, err := openPool(ctx, r.url, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	return schema.NewFor(pool, r.schemaOptions(), files).Apply(ctx, schema.ApplyOptions{})
}

func (r *restore) schemaOptions() schema.Options {
	return schema.Options{
		PartitionCount: r.backup.Manifest.Schema.PartitionCount, QueueSchema: r.o.QueueSchema,
		Version: r.o.Version, Logger: r.o.Logger, Restoring: true,
	}
}

// lookOver is the last look: the schema is the declared one again, and the rows lie
// where the formula says.
func (r *restore) lookOver(ctx context.Context) error {
	r.o.Progress.Phase("Checking", 0, false)
	pool, err := openPool(ctx, r.url, RestoreApplicationName)
	if err != nil {
		return err
	}
	defer pool.Close()
	plan, err := schema.New(pool, r.schemaOptions()).Plan(ctx)
	if err != nil {
		return fmt.Errorf("checking the restored schema: %w", err)
	}
	if !plan.Empty() {
		return fmt.Errorf("the restored schema is not what is declared, which is a fault of this program: %v %v", plan.Statements, plan.Handwritten)
	}
	var wrong int64
	const wrongKeys = `
select count(*)
from collections
where partition_key <> (abs(hashtext(id::text)::bigint) % $1)::integer`
	if err := r.conn.QueryRow(ctx, wrongKeys, r.backup.Manifest.Schema.PartitionCount).Scan(&wrong); err != nil {
		return fmt.Errorf("checking the partition keys: %w", err)
	}
	if wrong > 0 {
		return ErrKeys
	}
	return nil
}

// tablesToLoad are the backup's tables, the largest first. All of them and their columns
// must be there; a table that only this schema has stays as it was made.
func (r *restore) tablesToLoad(ctx context.Context) ([]Table, error) {
	present, err := listTables(ctx, r.conn, r.files.TableNames(), r.o.QueueSchema)
	if err != nil {
		return nil, err
	}
	tables := slices.Clone(r.backup.Manifest.Tables)
	for _, t := range tables {
		i := slices.IndexFunc(present, func(l listed) bool { return l.Schema == t.Schema && l.Name == t.Name })
		if i < 0 {
			return nil, fmt.Errorf("%w: it has a table %s, which its schema does not have", ErrDamaged, t)
		}
		if unknown := without(t.Columns, present[i].Columns); len(unknown) > 0 {
			return nil, fmt.Errorf("%w: its table %s has the columns %v, which its schema does not have", ErrDamaged, t, unknown)
		}
	}
	slices.SortStableFunc(tables, func(a, b Table) int { return int(min(max(b.Bytes-a.Bytes, -1), 1)) })
	return tables, nil
}
