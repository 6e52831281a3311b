package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"semantik/schema"
)

// Verified is what a verification found to be so.
type Verified struct {
	Tables  int   `json:"tables"`
	Rows    int64 `json:"rows"`
	Bytes   int64 `json:"bytes"`
	Scratch bool  `json:"restored"` // it was restored and compared
	// Broken are the rules of the data that do not hold in what was restored; nil if it
	// was not restored. The rows are those of the backup all the same.
	Broken  []BrokenRule `json:"broken_rules"`
	Seconds float64      `json:"seconds"`
}

// BrokenRule is a rule of the data that does not hold.
type BrokenRule struct {
	Key      string          `json:"key"`
	Name     string          `json:"rule"` // as a sentence
	Severity schema.Severity `json:"severity"`
	Count    int64           `json:"count"` // of rows that break it
	Examples []string        `json:"examples"`
}

// Sound reports whether no rule is broken of those whose data is wrong then.
func (v *Verified) Sound() bool {
	return !slices.ContainsFunc(v.Broken, func(b BrokenRule) bool { return b.Severity == schema.SeverityError })
}

// VerifyFiles reads a backup to its end and compares the rows with their checksums. It
// needs no database. What is wrong is an [ErrDamaged] with the first table that is.
func VerifyFiles(ctx context.Context, b *Backup, jobs int, progress Progress) (*Verified, error) {
	begun := time.Now()
	if progress == nil {
		progress = silent{}
	}
	if _, err := b.wholeFiles(); err != nil {
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
// and drops the database again. It needs the right to create one. Rules that do not hold
// are no error, but part of what was found.
//
// Errors: those of [Restore], and [ErrDamaged].
func Verify(ctx context.Context, server string, b *Backup, o RestoreOptions) (*Verified, error) {
	o.complete()
	begun := time.Now()
	place, err := openScratch(ctx, server, o)
	if err != nil {
		return nil, err
	}
	defer place.drop(ctx)
	restored, err := Restore(ctx, place.url, b, o)
	if err != nil {
		return nil, err
	}
	if restored.Upgraded == nil { // else the columns are others
		if err := compare(ctx, place.url, b, o); err != nil {
			return nil, err
		}
	}
	broken, err := checkRules(ctx, place.url, o)
	if err != nil {
		return nil, err
	}
	return &Verified{
		Tables: restored.Tables, Rows: restored.Rows, Bytes: restored.Bytes, Scratch: true, Broken: broken, Seconds: time.Since(begun).Seconds(),
	}, nil
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

// checkRules looks whether the rules of the data hold in what was restored.
func checkRules(ctx context.Context, url string, o RestoreOptions) ([]BrokenRule, error) {
	o.Progress.Phase("Checking the data", 0, false)
	pool, err := openPool(ctx, url, RestoreApplicationName)
	if err != nil {
		return nil, err
	}
	defer pool.Close()
	violations, err := schema.New(pool, schema.Options{QueueSchema: o.QueueSchema}).CheckData(ctx)
	if err != nil {
		return nil, err
	}
	broken := make([]BrokenRule, len(violations))
	for i, v := range violations {
		broken[i] = BrokenRule{Key: v.Rule.Key, Name: v.Rule.Name, Severity: v.Rule.Severity, Count: v.Count, Examples: v.Examples}
	}
	return broken, nil
}
