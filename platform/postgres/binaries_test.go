package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/postgres"
)

// fakePostgres lays programs into dir that do no more than say their version.
func fakePostgres(t *testing.T, dir, version string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for _, name := range []string{"postgres", "initdb"} {
		writeProgram(t, filepath.Join(dir, name), fmt.Sprintf("echo '%s (PostgreSQL) %s (Test)'", name, version))
	}
	return dir
}

func writeProgram(t *testing.T, path, script string) {
	t.Helper()
	// Written aside and renamed: a program that is open for writing by a process
	// which another test is just starting cannot be run.
	require.NoError(t, os.WriteFile(path+".new", []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	require.NoError(t, os.Rename(path+".new", path))
}

// linkInstallation makes an installation available under another name.
func linkInstallation(t *testing.T, b postgres.Binaries, as string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(as, 0o755))
	require.NoError(t, os.Chmod(as, 0o755)) // whatever the umask
	require.NoError(t, os.Symlink(b.Dir, filepath.Join(as, "bin")))
}

func TestFindBinaries_given(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	bin := fakePostgres(t, filepath.Join(dir, "pg", "bin"), "17.2")
	for name, given := range map[string]string{"the folder of the programs": bin, "the one above": filepath.Dir(bin)} {
		t.Run(name, func(t *testing.T) {
			b, err := postgres.FindBinaries(t.Context(), postgres.BinaryOptions{BinDir: given})
			require.NoError(t, err)
			require.Equal(t, postgres.Binaries{Dir: bin, Version: "17.2", Major: 17, Source: postgres.SourceGiven}, b)
		})
	}
	old := fakePostgres(t, filepath.Join(dir, "old"), "14.9")
	half := fakePostgres(t, filepath.Join(dir, "half"), "17.2")
	require.NoError(t, os.Remove(filepath.Join(half, "initdb")))
	odd := fakePostgres(t, filepath.Join(dir, "odd"), "17.2")
	writeProgram(t, filepath.Join(odd, "postgres"), "echo hello")
	broken := fakePostgres(t, filepath.Join(dir, "broken"), "17.2")
	writeProgram(t, filepath.Join(broken, "postgres"), "echo no libraries >&2; exit 127")
	for name, c := range map[string]struct {
		o    postgres.BinaryOptions
		want error
		says string
	}{
		"nothing there":     {postgres.BinaryOptions{BinDir: filepath.Join(dir, "nothing")}, postgres.ErrUnusableBinaries, "has no program postgres"},
		"half of it":        {postgres.BinaryOptions{BinDir: half}, postgres.ErrUnusableBinaries, "has no program initdb"},
		"too old":           {postgres.BinaryOptions{BinDir: old}, postgres.ErrUnusableBinaries, "has PostgreSQL 14.9, and 15 or newer is needed"},
		"another program":   {postgres.BinaryOptions{BinDir: odd}, postgres.ErrUnusableBinaries, `says "hello"`},
		"it does not run":   {postgres.BinaryOptions{BinDir: broken}, postgres.ErrUnusableBinaries, "no libraries"},
		"another major":     {postgres.BinaryOptions{BinDir: bin, Major: 15}, postgres.ErrVersionMismatch, "has version 17.2"},
		"an extension less": {postgres.BinaryOptions{BinDir: bin, Extensions: []string{"no_such_extension"}}, postgres.ErrUnusableBinaries, "lacks the extension no_such_extension"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := postgres.FindBinaries(t.Context(), c.o)
			require.ErrorIs(t, err, c.want)
			require.ErrorContains(t, err, c.says)
			require.ErrorContains(t, err, "SEMANTIK_POSTGRES_BIN")
		})
	}
}

func TestFindBinaries_order(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	cache := filepath.Join(dir, "cache")
	for _, version := range []string{"15.9", "16.2", "16.10", "14.1"} {
		fakePostgres(t, filepath.Join(cache, postgres.UnpackedName(version), "bin"), version)
	}
	// What is not complete never has a final name; a stray folder is no harm.
	require.NoError(t, os.MkdirAll(filepath.Join(cache, postgres.UnpackedName("19.1")), 0o755))
	require.NoError(t, os.MkdirAll(filepath.Join(cache, ".unpacking-"+postgres.UnpackedName("19.2"), "bin"), 0o755))
	for _, version := range []string{"14.2", "15.1", "17.1", "17.0"} {
		fakePostgres(t, filepath.Join(dir, "local", version, "bin"), version)
	}
	everywhere := postgres.BinaryOptions{CacheDir: cache, LocalDirs: []string{filepath.Join(dir, "local/*/bin")}, Offline: true}
	for name, c := range map[string]struct {
		change  func(*postgres.BinaryOptions)
		version string
		source  postgres.Source
	}{
		"the newest unpacked before a newer installation": {nil, "16.10", postgres.SourceCache},
		"the wanted major of those unpacked":              {func(o *postgres.BinaryOptions) { o.Major = 15 }, "15.9", postgres.SourceCache},
		"the wanted major of those installed":             {func(o *postgres.BinaryOptions) { o.Major = 17 }, "17.1", postgres.SourceLocal},
		"the newest installed":                            {func(o *postgres.BinaryOptions) { o.CacheDir = filepath.Join(dir, "none") }, "17.1", postgres.SourceLocal},
	} {
		t.Run(name, func(t *testing.T) {
			o := everywhere
			if c.change != nil {
				c.change(&o)
			}
			b, err := postgres.FindBinaries(t.Context(), o)
			require.NoError(t, err)
			require.Equal(t, c.version, b.Version)
			require.Equal(t, c.source, b.Source)
		})
	}
}

func TestFindBinaries_installedOnThisMachine(t *testing.T) {
	// Not parallel: it changes the PATH.
	installed := binaries(t)
	dir := tempDir(t)
	linkInstallation(t, installed, filepath.Join(dir, "somewhere"))
	bin := filepath.Join(dir, "somewhere", "bin")
	writeProgram(t, filepath.Join(dir, "pg_config"), `[ "$1" = --bindir ] && echo '`+bin+`'`)
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	o := postgres.BinaryOptions{CacheDir: filepath.Join(dir, "cache"), Major: installed.Major, Offline: true}

	b, err := postgres.FindBinaries(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, postgres.Binaries{Dir: bin, Version: installed.Version, Major: installed.Major, Source: postgres.SourceLocal}, b)

	t.Run("one that lacks an extension is passed over", func(t *testing.T) {
		o.Extensions = []string{"no_such_extension"}
		_, err := postgres.FindBinaries(t.Context(), o)
		require.ErrorIs(t, err, postgres.ErrVersionMismatch)
		require.ErrorContains(t, err, "lacks the extension no_such_extension")
		o.Extensions = []string{"btree_gin", "pg_trgm", "pg_stat_statements"}
		_, err = postgres.FindBinaries(t.Context(), o)
		require.NoError(t, err)
	})
	t.Run("a server runs from it", func(t *testing.T) {
		s := start(t, postgres.Options{DataDir: usedDir(t), CacheDir: o.CacheDir, Offline: true, Ephemeral: true})
		require.Equal(t, bin, s.Binaries().Dir)
	})
}

func TestFindBinaries_noneNamesTheWaysOut(t *testing.T) {
	t.Parallel()
	o := postgres.BinaryOptions{CacheDir: tempDir(t), LocalDirs: []string{}, Offline: true}
	_, err := postgres.FindBinaries(t.Context(), o)
	require.ErrorIs(t, err, postgres.ErrNoBinaries)
	require.Equal(t, apperr.Unavailable, apperr.KindOf(err))
	for _, words := range []string{
		"none that fits was unpacked before in " + o.CacheDir, "there is no installation on this machine", "fetching is switched off",
		"apt install postgresql", "SEMANTIK_POSTGRES_BIN", "DATABASE_URL",
	} {
		require.ErrorContains(t, err, words)
	}
	t.Run("for a data directory that is there", func(t *testing.T) {
		o.Major = 16
		_, err := postgres.FindBinaries(t.Context(), o)
		require.ErrorIs(t, err, postgres.ErrVersionMismatch)
		require.ErrorContains(t, err, "made by PostgreSQL 16 and needs binaries of version 16")
		require.ErrorContains(t, err, "SEMANTIK_POSTGRES_BIN")
	})
	t.Run("by a server", func(t *testing.T) {
		dir := tempDir(t)
		_, err := postgres.Start(t.Context(), postgres.Options{DataDir: dir, BinDir: filepath.Join(dir, "nothing")})
		require.ErrorIs(t, err, postgres.ErrUnusableBinaries)
		require.NoDirExists(t, filepath.Join(dir, "postgres"))
	})
	t.Run("a search that is broken off says so", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := postgres.FindBinaries(ctx, o)
		require.ErrorIs(t, err, context.Canceled)
	})
}

func TestFindBinaries_theRealDownload(t *testing.T) {
	t.Parallel()
	// Into the cache that every Semantik of this account shares, so that it is
	// fetched once and for all.
	o := postgres.BinaryOptions{LocalDirs: []string{}, Major: majorOf(postgres.PinnedVersion())}
	b, err := postgres.FindBinaries(t.Context(), o)
	require.NoError(t, err)
	require.Contains(t, []postgres.Source{postgres.SourceDownload, postgres.SourceCache}, b.Source)

	again, err := postgres.FindBinaries(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, postgres.SourceCache, again.Source)
	require.Equal(t, b.Dir, again.Dir)

	s := start(t, postgres.Options{DataDir: dataDir(t), BinDir: b.Dir, Ephemeral: true, Extensions: []string{"btree_gin"}})
	require.Equal(t, b.Version, query(t, s.URL(), "select split_part(current_setting('server_version'), ' ', 1)"))
	require.Equal(t, "builtin C.UTF-8", query(t, s.URL(),
		"select case datlocprovider when 'b' then 'builtin' end || ' ' || datlocale from pg_database where datname = 'semantik'"))
}

func majorOf(version string) int {
	var major int
	_, _ = fmt.Sscanf(version, "%d", &major)
	return major
}

func TestDefaultRepository_isKnown(t *testing.T) {
	t.Parallel()
	address, err := postgres.DefaultRepository()
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(address, "https://"), address)
}
