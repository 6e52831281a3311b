package postgres

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// usualFolders are where packages put PostgreSQL's programs.
func usualFolders() []string {
	return []string{
		"/usr/lib/postgresql/*/bin", // Debian, Ubuntu
		"/usr/pgsql-*/bin",          // the PostgreSQL project's packages for Red Hat and SUSE
		"/usr/lib/postgresql*/bin",  // SUSE
		"/usr/libexec/postgresql*",  // Alpine
		"/usr/bin",                  // Fedora, Arch
		"/usr/local/bin",            // built from source, FreeBSD
		"/usr/local/pgsql/bin",
		"/opt/homebrew/opt/postgresql@*/bin", // Homebrew on Apple silicon
		"/usr/local/opt/postgresql@*/bin",    // Homebrew on Intel
		"/home/linuxbrew/.linuxbrew/opt/postgresql@*/bin",
		"/Applications/Postgres.app/Contents/Versions/*/bin",
		"/Library/PostgreSQL/*/bin",
		"/opt/local/lib/postgresql*/bin", // MacPorts
	}
}

// local finds an installation on this machine. What pg_config on the PATH names
// comes first, since the PATH is somebody's choice; of the folders, the newest.
func local(ctx context.Context, o BinaryOptions) (Binaries, error) {
	var unfit []string
	patterns := o.LocalDirs
	if patterns == nil {
		patterns = usualFolders()
		if dir := askBinDir(ctx); dir != "" {
			b, err := localIn(ctx, o, dir)
			if err == nil {
				return b, nil
			}
			unfit = append(unfit, err.Error())
		}
	}
	best := Binaries{}
	for _, dir := range expand(patterns) {
		b, err := localIn(ctx, o, dir)
		switch {
		case err == nil && newer(b.Version, best.Version):
			best = b
		case err != nil && !errors.Is(err, errNothingThere) && !slices.Contains(unfit, err.Error()):
			unfit = append(unfit, err.Error())
		}
	}
	if best.Dir != "" {
		return best, nil
	}
	if len(unfit) > 0 {
		return Binaries{}, fmt.Errorf("no installation on this machine fits (%s)", strings.Join(unfit, ", "))
	}
	return Binaries{}, errors.New("there is no installation on this machine")
}

func localIn(ctx context.Context, o BinaryOptions, dir string) (Binaries, error) {
	b, err := inspect(ctx, dir)
	if err != nil {
		return Binaries{}, err
	}
	b.Source = SourceLocal
	return b, o.fits(ctx, b)
}

// askBinDir gives "" when pg_config is not there or does not answer.
func askBinDir(ctx context.Context) string {
	program, err := exec.LookPath("pg_config")
	if err != nil {
		return ""
	}
	if program, err = filepath.Abs(program); err != nil {
		return ""
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	out, err := run(account{}.command(ctx, "/", program, "--bindir"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(out)
}

func expand(patterns []string) []string {
	var dirs []string
	for _, p := range patterns {
		found, _ := filepath.Glob(p) // fails only for a malformed pattern, which then finds nothing
		dirs = append(dirs, found...)
	}
	return dirs
}
