package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"

	"semantik/schema"
)

// CreateOptions say what a backup is made of.
type CreateOptions struct {
	// To is where it goes: a path that is not there yet, an archive if it ends in .tar
	// and else a folder; or "-" for Stdout, as an archive.
	To     string
	Stdout io.Writer
	// Collections narrow it to those of these names or ids; empty: the whole database.
	Collections []string
	Common
}

// SchemaError says that the database's schema is not the one that this program knows, so
// that it cannot say what belongs into a backup.
type SchemaError struct{ State schema.State }

func (e *SchemaError) Error() string {
	switch e.State {
	case schema.StateEmpty:
		return "there is no schema in this database, and so nothing to back up"
	case schema.StateNewer:
		return "the database was made by a newer Semantik; make the backup with that program"
	default:
		return "the database was made by another version of Semantik; make the backup with that one, or run \"semantik schema apply\" before"
	}
}

// Create makes a backup of the database at the URL: one snapshot of it, while it is in
// use. It writes nothing to the database. Until the last moment what it has written has
// a name that says that it is not whole; on an error it is removed.
//
// Errors: [SchemaError], [schema.ErrRestoring], [ErrExists], [ErrBusy], an unknown
// collection's [CollectionError].
func Create(ctx context.Context, url string, o CreateOptions) (*Manifest, error) {
	o.complete()
	begun := time.Now()
	files, partitions, err := currentSchema(ctx, url, o.QueueSchema)
	if err != nil {
		return nil, err
	}
	to, err := newTarget(o.To, o.Stdout)
	if err != nil {
		return nil, err
	}
	defer to.abandon()
	if err := writeSchema(to, files); err != nil {
		return nil, err
	}

	m := &Manifest{Format: Format, Version: o.Version, Schema: SchemaVersion{
		Revision: files.Revision, Hash: files.Hash(), PartitionCount: partitions,
	}}
	if err := copyAll(ctx, url, o, files, to, m); err != nil {
		return nil, err
	}
	m.Seconds = time.Since(begun).Seconds()
	manifest, err := m.seal()
	if err != nil {
		return nil, err
	}
	if err := to.finish(manifest); err != nil {
		return nil, err
	}
	return m, nil
}

// currentSchema gives the files that the database was made with, and its number of
// partitions.
func currentSchema(ctx context.Context, url, queueSchema string) (schema.SQLFiles, int, error) {
	pool, err := openPool(ctx, url, ApplicationName)
	if err != nil {
		return schema.SQLFiles{}, 0, err
	}
	defer pool.Close()
	status, err := schema.New(pool, schema.Options{QueueSchema: queueSchema}).Status(ctx)
	if err != nil {
		return schema.SQLFiles{}, 0, err
	}
	if status.State == schema.StateRestoring {
		return schema.SQLFiles{}, 0, schema.ErrRestoring
	}
	if status.State != schema.StateCurrent {
		return schema.SQLFiles{}, 0, &SchemaError{State: status.State}
	}
	return schema.CurrentSQLFiles(), status.PartitionCount, nil
}

// openPool connects for the schema's manager.
func openPool(ctx context.Context, url, name string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, errURL
	}
	config.MaxConns = 2
	config.ConnConfig.RuntimeParams["application_name"] = name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	return pool, nil
}

func writeSchema(to target, files schema.SQLFiles) error {
	for name, text := range schemaFiles(&files) {
		w, err := to.create(schemaPart(name))
		if err != nil {
			return err
		}
		_, err = io.WriteString(w, *text)
		if err := errors.Join(err, w.Close()); err != nil {
			return fmt.Errorf("writing the schema: %w", err)
		}
	}
	return nil
}

// copyAll copies every table out of one snapshot, and writes down in the manifest what
// it has copied.
func copyAll(ctx context.Context, url string, o CreateOptions, files schema.SQLFiles, to target, m *Manifest) (err error) {
	leader, err := openSnapshot(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, disconnect(ctx, leader.conn)) }()
	if err := leader.refuseHalf(ctx); err != nil {
		return err
	}
	if err := leader.describe(ctx, m); err != nil {
		return err
	}
	tables, err := leader.lockTables(ctx, files.TableNames(), o.QueueSchema)
	if err != nil {
		return err
	}
	// Nobody can change the schema from here on; somebody may have until here.
	if _, _, err := currentSchema(ctx, url, o.QueueSchema); err != nil {
		return err
	}
	if missing := missingOf(tables, files, m); len(missing) > 0 {
		return fmt.Errorf("the database lacks %s, so that a backup of it would not be whole; \"semantik doctor\" says what to do", strings.Join(missing, ", "))
	}
	selections := wholeTables(tables)
	if len(o.Collections) > 0 {
		if selections, m.Collections, err = leader.narrow(ctx, tables, o.Collections); err != nil {
			return err
		}
	} else {
		// They are not of the snapshot, but behind it, which is what counts: no number that
		// was given out is given out again.
		if m.Sequences, err = listSequences(ctx, leader.conn, files.TableNames(), o.QueueSchema); err != nil {
			return err
		}
	}

	o.Progress.Phase("Copying", totalOf(selections), true)
	copied := make(chan Table, len(selections))
	connect := func(ctx context.Context) (*pgx.Conn, error) { return leader.join(ctx, url) }
	err = onEach(ctx, o.Jobs, connect, selections, func(ctx context.Context, conn *pgx.Conn, s selection) error {
		t, err := copyOut(ctx, conn, s, to, o.Progress)
		if err != nil {
			return fmt.Errorf("copying %s: %w", s.table, err)
		}
		copied <- t
		return nil
	})
	if err != nil {
		return err
	}
	close(copied)
	for t := range copied {
		m.Tables = append(m.Tables, t)
	}
	slices.SortFunc(m.Tables, func(a, b Table) int { return strings.Compare(a.String(), b.String()) })
	return nil
}

// missingOf names what a manifest of these tables would lack.
func missingOf(tables []listed, files schema.SQLFiles, m *Manifest) []string {
	would := &Manifest{Schema: m.Schema}
	for _, t := range tables {
		would.Tables = append(would.Tables, t.Table)
	}
	return would.missing(files.TableNames())
}

// selection is what is copied of a table.
type selection struct {
	table listed
	// query selects it; "" is all of it.
	query string
}

func wholeTables(tables []listed) []selection {
	all := make([]selection, len(tables))
	for i, t := range tables {
		all[i] = selection{table: t}
	}
	return all
}

func totalOf(selections []selection) int64 {
	var n int64
	for _, s := range selections {
		n += s.table.onDisk
	}
	return n
}

func (s selection) statement() string {
	what := fmt.Sprintf("%s (%s)", s.table.identifier(), columnList(s.table.Columns))
	if s.query != "" {
		what = "(" + s.query + ")"
	}
	return "copy " + what + " to stdout (format binary)"
}

// copyOut copies one table, and says what it was.
func copyOut(ctx context.Context, conn *pgx.Conn, s selection, to target, progress Progress) (Table, error) {
	part, err := to.create(s.table.path())
	if err != nil {
		return Table{}, err
	}
	counted := &countingWriter{to: part}
	packed, err := zstd.NewWriter(counted, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest))
	if err != nil {
		return Table{}, errors.Join(err, part.Close())
	}
	t, err := sumUp(ctx, conn, s, packed, progress)
	if err := errors.Join(err, packed.Close(), part.Close()); err != nil {
		return Table{}, err
	}
	t.Stored = counted.n
	return t, nil
}

// sumUp copies one table to a writer, and adds up its rows on the way.
func sumUp(ctx context.Context, conn *pgx.Conn, s selection, to io.Writer, progress Progress) (Table, error) {
	var sum checksum
	splitter := &rowSplitter{each: func(row []byte) error { sum.add(row); return nil }}
	part := &share{progress: progress, size: s.table.onDisk}
	read := &countingWriter{to: io.MultiWriter(splitter, to), each: part.add}
	if _, err := conn.PgConn().CopyTo(ctx, read, s.statement()); err != nil {
		return Table{}, err
	}
	if err := splitter.end(); err != nil {
		return Table{}, err
	}
	part.end()
	t := s.table.Table
	t.Rows, t.Checksum, t.Bytes = sum.rows, sum.String(), read.n
	return t, nil
}

// countingWriter counts what goes through it.
type countingWriter struct {
	to   io.Writer
	n    int64
	each func(n int64) // nil: nobody hears of it
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.to.Write(p)
	c.n += int64(n)
	if c.each != nil {
		c.each(int64(n))
	}
	return n, err
}
