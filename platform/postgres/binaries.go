package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// Source says where binaries came from.
type Source string

// The sources, in the order in which they are tried.
const (
	SourceGiven    Source = "given"    // the folder named by BinaryOptions.BinDir
	SourceCache    Source = "cache"    // fetched and unpacked before
	SourceLocal    Source = "local"    // an installation on this machine
	SourceDownload Source = "download" // fetched and unpacked now
)

// Binaries is a PostgreSQL that can be started.
type Binaries struct {
	// Dir holds initdb and postgres.
	Dir string
	// Version is complete, as in "18.4".
	Version string
	// Major is the number that a data directory is bound to: 15 or more.
	Major  int
	Source Source
}

// BinaryOptions says which PostgreSQL is wanted and where it may come from. The
// zero value takes any version from 15, from everywhere.
type BinaryOptions struct {
	// BinDir is a folder with initdb and postgres, or one whose bin folder has
	// them (SEMANTIK_POSTGRES_BIN). Where it is given nothing else is tried.
	BinDir string
	// CacheDir holds unpacked binaries, a folder a version, and is shared by
	// every Semantik of the account; [DefaultCacheDir] when empty.
	CacheDir string
	// Major wants exactly this major version; zero takes any from 15.
	Major int
	// Extensions must be part of the installation, by name: packages of some
	// systems leave them out. One without is passed over, or refused when given.
	Extensions []string
	// Offline forbids fetching.
	Offline bool
	// LocalDirs are the folders to look for an installation in, as patterns of
	// filepath.Glob. Nil means pg_config on the PATH and the usual folders; an
	// empty list means none.
	LocalDirs []string
	// Repository is the address to fetch from, for a mirror of one's own;
	// [DefaultRepository] when empty. The pinned sums hold for it too.
	Repository string
	// OnProgress is told, in a sentence, what takes longer; may be nil.
	OnProgress func(message string)
	// Logger may be nil.
	Logger *slog.Logger

	// releases are what can be fetched; nil means the pinned ones.
	releases []release
}

func (o BinaryOptions) progressf(format string, args ...any) {
	if o.OnProgress != nil {
		o.OnProgress(fmt.Sprintf(format, args...))
	}
}

func (o BinaryOptions) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// fits says why binaries are not what is wanted; nil when they are.
func (o BinaryOptions) fits(ctx context.Context, b Binaries) error {
	switch {
	case b.Major < oldestMajor:
		return fmt.Errorf("%s has PostgreSQL %s, and %d or newer is needed", b.Dir, b.Version, oldestMajor)
	case o.Major != 0 && b.Major != o.Major:
		return fmt.Errorf("%s has PostgreSQL %s, and version %d is wanted", b.Dir, b.Version, o.Major)
	}
	for _, name := range o.Extensions {
		if !b.hasExtension(ctx, name) {
			return fmt.Errorf("%s lacks the extension %s (often a package of its own, such as postgresql-contrib)", b.Dir, name)
		}
	}
	return nil
}

// FindBinaries finds a PostgreSQL: the folder given; else one that was unpacked
// before, the newest; else an installation on this machine, pg_config's before
// the newest of the usual folders; else it is fetched, checked against sums that
// are pinned here, and unpacked for the next time.
//
// It returns [ErrUnusableBinaries] when the folder given has none that can be
// used, [ErrVersionMismatch] when the major version wanted cannot be had, and
// [ErrNoBinaries] when none at all can; each names the ways out.
func FindBinaries(ctx context.Context, o BinaryOptions) (Binaries, error) {
	if o.Major != 0 && o.Major < oldestMajor {
		return Binaries{}, ErrVersionMismatch.WithMessagef(
			"The data directory was made by PostgreSQL %d, which is too old: %d or newer is needed. "+
				"Move the data with a dump and a restore. Nothing was changed.", o.Major, oldestMajor)
	}
	if o.BinDir != "" {
		return given(ctx, o)
	}
	var tried []string
	for _, way := range []func(context.Context, BinaryOptions) (Binaries, error){cached, local, fetched} {
		b, err := way(ctx, o)
		if err == nil {
			o.logger().DebugContext(ctx, "found PostgreSQL", "dir", b.Dir, "version", b.Version, "source", b.Source)
			return b, nil
		}
		if ctx.Err() != nil {
			return Binaries{}, fmt.Errorf("looking for PostgreSQL: %w", ctx.Err())
		}
		tried = append(tried, err.Error())
	}
	return Binaries{}, noBinaries(o, tried)
}

func noBinaries(o BinaryOptions, tried []string) error {
	found := strings.Join(tried, "; ")
	if o.Major != 0 {
		return ErrVersionMismatch.WithMessagef(
			"The data directory was made by PostgreSQL %d and needs binaries of version %d, which could not be had: %s. "+
				"Set SEMANTIK_POSTGRES_BIN to a folder that has them, install PostgreSQL %d, "+
				"or move the data to a newer version with a dump and a restore. Nothing was changed.",
			o.Major, o.Major, found, o.Major)
	}
	return ErrNoBinaries.WithMessagef(
		"No PostgreSQL of version %d or newer could be had: %s. "+
			"Install PostgreSQL (for example: apt install postgresql, dnf install postgresql-server postgresql-contrib, brew install postgresql), "+
			"set SEMANTIK_POSTGRES_BIN to a folder that holds its initdb and postgres, "+
			"or set DATABASE_URL to a server that runs already.", oldestMajor, found)
}

// given never falls back to another source: who names a folder means it.
func given(ctx context.Context, o BinaryOptions) (Binaries, error) {
	b, err := inspect(ctx, o.BinDir)
	if err == nil {
		err = o.fits(ctx, b)
	}
	if err == nil {
		b.Source = SourceGiven
		return b, nil
	}
	if ctx.Err() != nil {
		return Binaries{}, fmt.Errorf("looking at %s: %w", o.BinDir, ctx.Err())
	}
	if o.Major != 0 && b.Major != 0 && b.Major != o.Major {
		return Binaries{}, ErrVersionMismatch.WithMessagef(
			"The data directory was made by PostgreSQL %d, and the folder of SEMANTIK_POSTGRES_BIN (%s) has version %s. "+
				"Set it to a folder with version %d, or move the data with a dump and a restore. Nothing was changed.",
			o.Major, o.BinDir, b.Version, o.Major)
	}
	return Binaries{}, ErrUnusableBinaries.WithMessagef(
		"The folder of SEMANTIK_POSTGRES_BIN cannot be used: %v. "+
			"Set it to a folder that holds initdb and postgres of version %d or newer, "+
			"unset it to have one found or fetched, or set DATABASE_URL to a server that runs already.", err, oldestMajor)
}

var errNothingThere = errors.New("no PostgreSQL there")
