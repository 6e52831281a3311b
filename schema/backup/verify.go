package backup

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"semantik/schema"
)

// Verified is what a verification found to be so.
type Verified struct {
	Tables  int     `json:"tables"`
	Rows    int64   `json:"rows"`
	Bytes   int64   `json:"bytes"`
	Scratch bool    `json:"restored"` // it was restored and compared
	Seconds float64 `json:"seconds"`
}

// VerifyFiles reads a backup to its end and compares the rows with their checksums. It
// needs no database. What is wrong is an [ErrDamaged] with the first table that is.
func VerifyFiles(ctx context.Context, b *Backup, jobs int, progress Progress) (*Verified, error) {
	begun := time.Now()
	if progress == nil {
		progress = silent{}
	}
	if _, err := b.files(); err != nil {
		return nil, err
	}
	progress.Phase("Reading", b.Manifest.Bytes(), true)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(max(1, jobs))
	for _, t := range b.Manifest.Tables {
		group.Go(func() error { return b.readThrough(ctx, t, progress) })
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return &Verified{
		Tables: len(b.Manifest.Tables), Rows: b.Manifest.Rows(), Bytes: b.Manifest.Bytes(), Seconds: time.Since(begun).Seconds(),
	}, nil
}

func (b *Backup) readThrough(ctx context.Context, t Table, progress Progress) (err error) {
	rows, err := b.rows(t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	_, err = io.Copy(io.Discard, &boundedReader{from: rows, each: func(n int64) { progress.Add(n) }, ctx: ctx})
	return err
}

// Verify restores a backup into a database of its own on the server of the URL, reads
// every table back, compares the checksums, looks whether every rule of the data holds,
// and drops the database again. It needs the right to create one.
//
// Errors: those of [Restore], and [ErrDamaged].
func Verify(ctx context.Context, server string, b *Backup, o RestoreOptions) (*Verified, error) {
	o.complete()
	begun := time.Now()
	admin, err := connect(ctx, server, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	defer func() { _ = disconnect(ctx, admin) }()
	scratch := "semantik_verify_" + strings.ToLower(rand.Text()[:12])
	if err := script(ctx, admin, "create database "+scratch+" template template0 encoding 'UTF8'"); err != nil {
		return nil, fmt.Errorf("creating a database to restore to: %w; give another server with --database-url, "+
			"or read the files alone with --quick", err)
	}
	defer dropDatabase(ctx, server, scratch)
	url, err := withDatabase(server, scratch)
	if err != nil {
		return nil, err
	}
	restored, err := Restore(ctx, url, b, o)
	if err != nil {
		return nil, err
	}
	if restored.Upgraded == nil { // else the columns are others
		if err := compare(ctx, url, b, o); err != nil {
			return nil, err
		}
	}
	if err := checkRules(ctx, url, o); err != nil {
		return nil, err
	}
	return &Verified{Tables: restored.Tables, Rows: restored.Rows, Bytes: restored.Bytes, Scratch: true, Seconds: time.Since(begun).Seconds()}, nil
}

// compare reads the restored tables and compares them with what the manifest says.
func compare(ctx context.Context, url string, b *Backup, o RestoreOptions) error {
	o.Progress.Phase("Comparing", b.Manifest.Bytes(), true)
	session := func(ctx context.Context) (*pgx.Conn, error) { return connect(ctx, url, RestoreApplicationName) }
	return onEach(ctx, o.Jobs, session, b.Manifest.Tables, func(ctx context.Context, conn *pgx.Conn, want Table) error {
		have, err := sumUp(ctx, conn, selection{table: listed{Table: want, onDisk: want.Bytes}}, io.Discard, o.Progress)
		if err != nil {
			return fmt.Errorf("reading %s: %w", want, err)
		}
		if have.Checksum != want.Checksum || have.Rows != want.Rows {
			return fmt.Errorf("%w: restored, %s has %d rows with the checksum %s, and should have %d with %s",
				ErrDamaged, want, have.Rows, have.Checksum, want.Rows, want.Checksum)
		}
		return nil
	})
}

// checkRules looks whether the rules of the data hold in what was restored. What does not
// was wrong in the database that the backup was made of.
func checkRules(ctx context.Context, url string, o RestoreOptions) error {
	o.Progress.Phase("Checking the data", 0, false)
	pool, err := openPool(ctx, url, RestoreApplicationName)
	if err != nil {
		return err
	}
	defer pool.Close()
	violations, err := schema.New(pool, schema.Options{QueueSchema: o.QueueSchema}).CheckData(ctx)
	if err != nil {
		return err
	}
	for _, v := range violations {
		o.Logger.WarnContext(ctx, "a rule does not hold in the backup, nor did it where it was made", "rule", v.Rule.Name, "count", v.Count, "rows", v.Examples)
	}
	return nil
}

// withDatabase gives the URL of another database on the same server.
func withDatabase(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return "", errURL
	}
	u.Path = "/" + name
	return u.String(), nil
}

// dropDatabase drops a database that is nobody else's.
func dropDatabase(ctx context.Context, server, name string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	conn, err := connect(ctx, server, RestoreApplicationName)
	if err != nil {
		return
	}
	defer func() { _ = disconnect(ctx, conn) }()
	_ = script(ctx, conn, "drop database if exists "+name+" with (force)")
}
