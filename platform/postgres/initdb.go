package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	roleName     = "semantik"
	databaseName = "semantik"
)

// initialise makes a cluster beside its final place and renames it there when it
// is complete, so that a crash midway leaves nothing that could be taken for one.
func (s *start) initialise(ctx context.Context) error {
	final, err := s.finalPlace()
	if err != nil {
		return err
	}
	// Whatever is there was never in use: the lock is ours, and a cluster has
	// another name.
	work := final + ".initialising"
	if err := os.RemoveAll(work); err != nil {
		return fmt.Errorf("clearing an initialisation that was broken off: %w", err)
	}
	if err := os.Mkdir(work, 0o700); err != nil {
		return fmt.Errorf("initialising the database: %w", err)
	}
	defer func() { _ = os.RemoveAll(work) }()

	password := newPassword()
	passwordFile := filepath.Join(work, "password")
	err = os.WriteFile(passwordFile, []byte(password+"\n"), 0o600)
	if err = errors.Join(err, s.own(passwordFile), s.own(work)); err != nil {
		return fmt.Errorf("initialising the database: %w", err)
	}
	s.o.progressf("Initialising a database of PostgreSQL %s in %s …", s.bin.Version, s.cluster)
	data := filepath.Join(work, "data")
	if err := s.initdb(ctx, work, data, passwordFile); err != nil {
		return err
	}
	if err := replaceFile(s.password, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("keeping the database password: %w", err)
	}
	// Only an empty folder can be removed like this.
	if err := os.Remove(final); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return ErrDataDirectory.WithMessagef(
			"The folder %s cannot be replaced by a new database. If something is mounted there, mount it on %s instead.",
			final, s.dir).WithCause(err)
	}
	if err := os.Rename(data, final); err != nil {
		return fmt.Errorf("moving the new database to its place: %w", err)
	}
	return syncDir(filepath.Dir(final))
}

// finalPlace follows a link that leads to another disk.
func (s *start) finalPlace() (string, error) {
	final, err := filepath.EvalSymlinks(s.cluster)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Lstat(s.cluster); err == nil {
			return "", ErrDataDirectory.WithMessagef("%s is a link to a folder that is not there. Nothing was changed.", s.cluster)
		}
		return s.cluster, nil
	}
	if err != nil {
		return "", fmt.Errorf("resolving the data directory: %w", err)
	}
	return final, nil
}

// initdb tries one locale after another: which of them a system knows differs.
// The environment has no say.
func (s *start) initdb(ctx context.Context, work, data, passwordFile string) error {
	args := []string{
		"--pgdata=" + data, "--username=" + roleName, "--pwfile=" + passwordFile,
		"--encoding=UTF8", "--data-checksums",
		"--auth-local=scram-sha-256", "--auth-host=scram-sha-256",
		"--text-search-config=simple",
	}
	if s.o.Ephemeral {
		args = append(args, "--no-sync")
	}
	var err error
	for _, locale := range locales(s.bin.Major) {
		_, err = run(s.command(ctx, work, filepath.Join(s.bin.Dir, "initdb"), append(args, locale...)...))
		if err == nil || ctx.Err() != nil || !blamesLocale(err) {
			break
		}
		s.o.logger().DebugContext(ctx, "initialising with another locale", "failed", locale, "err", err)
		if err := os.RemoveAll(data); err != nil {
			return fmt.Errorf("initialising the database: %w", err)
		}
	}
	if ctx.Err() != nil {
		return fmt.Errorf("initialising the database: %w", ctx.Err())
	}
	if err != nil {
		return fmt.Errorf("initialising the database: %w", err)
	}
	return nil
}

// blamesLocale looks at the complaint alone: what initdb says before it names the
// locale in any case.
func blamesLocale(err error) bool {
	for line := range strings.Lines(err.Error()) {
		_, complaint, ok := strings.Cut(line, "initdb: error:")
		if ok && (strings.Contains(complaint, "locale") || strings.Contains(complaint, "ICU")) {
			return true
		}
	}
	return false
}

// locales orders by code point and knows the letters of all languages, whatever
// the machine: from version 17 PostgreSQL brings such a locale itself, before it
// is the system's C.UTF-8, or ICU's where the system has none (macOS). The
// system's part stays UTF-8 wherever it can: before 18, text search folds the
// case of letters beyond ASCII by it.
func locales(major int) [][]string {
	provider := []string{"--locale-provider=icu", "--icu-locale=und"}
	if major >= 17 {
		provider = []string{"--locale-provider=builtin", "--builtin-locale=C.UTF-8"}
	}
	with := func(locale string) []string { return append([]string{"--locale=" + locale}, provider...) }
	last := [][]string{with("en_US.UTF-8"), with("C")}
	if major >= 17 {
		return append([][]string{with("C.UTF-8")}, last...)
	}
	return append([][]string{{"--locale-provider=libc", "--locale=C.UTF-8"}}, last...)
}

// resetPassword gives the role a new password when the file with the old one is
// gone, as after a restore of the cluster alone: whoever may read the files may
// do so. It runs the server for itself alone, without any connection.
func (s *start) resetPassword(ctx context.Context) error {
	s.o.logger().WarnContext(ctx, "the file with the database password is missing; setting a new password", "file", s.password)
	password := newPassword()
	cmd := s.command(ctx, s.dir, filepath.Join(s.bin.Dir, "postgres"), "--single", "-D", s.cluster, "postgres")
	// The statement is ended by the newline; the letters need no quoting.
	cmd.Stdin = strings.NewReader(fmt.Sprintf("alter role %s with login password '%s'\n", roleName, password))
	out, err := run(cmd)
	if err == nil && (strings.Contains(out, "ERROR:") || strings.Contains(out, "FATAL:")) {
		err = errors.New(lastLines(out, 20))
	}
	if err != nil {
		// The server repeats the statement that failed.
		return fmt.Errorf("setting a new database password: %s", strings.ReplaceAll(err.Error(), password, "…"))
	}
	if err := replaceFile(s.password, []byte(password+"\n"), 0o600); err != nil {
		return fmt.Errorf("keeping the database password: %w", err)
	}
	return nil
}
