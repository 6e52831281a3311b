package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// inspectTimeout bounds a program that only prints its version.
const inspectTimeout = 20 * time.Second

// inspect looks at a folder that may hold PostgreSQL's programs, itself or in
// its bin folder, and asks them for their version.
func inspect(ctx context.Context, dir string) (Binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Binaries{}, err
	}
	missing := ""
	for _, d := range []string{dir, filepath.Join(dir, "bin")} {
		absent := absentProgram(d)
		if absent == "" {
			version, major, err := askVersion(ctx, filepath.Join(d, "postgres"))
			return Binaries{Dir: d, Version: version, Major: major}, err
		}
		if missing == "" {
			missing = absent
		}
	}
	return Binaries{}, fmt.Errorf("%s has no program %s: %w", dir, missing, errNothingThere)
}

func absentProgram(dir string) string {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0 {
			return name
		}
	}
	return ""
}

func askVersion(ctx context.Context, program string) (version string, major int, err error) {
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	out, err := run(account{}.command(ctx, "/", program, "--version"))
	if err != nil {
		return "", 0, err
	}
	if version, major, ok := parseVersion(out); ok {
		return version, major, nil
	}
	return "", 0, fmt.Errorf("%s --version says %q, which is no version", program, strings.TrimSpace(out))
}

// parseVersion reads "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)",
// and "19beta1" as well.
func parseVersion(s string) (version string, major int, ok bool) {
	m := regexp.MustCompile(`\(PostgreSQL\) ((\d+)\S*)`).FindStringSubmatch(s)
	if m == nil {
		return "", 0, false
	}
	major, err := strconv.Atoi(m[2])
	return m[1], major, err == nil
}

// hasExtension looks for the control file in the places that a package lays it,
// seen from the programs.
func (b Binaries) hasExtension(ctx context.Context, name string) bool {
	return b.holds(ctx, []string{
		"../share/postgresql", "../share", "../share/pgsql",
		"/usr/share/postgresql/" + strconv.Itoa(b.Major),
		"/usr/share/postgresql", "/usr/share/pgsql",
		"/usr/share/postgresql" + strconv.Itoa(b.Major),
	}, "--sharedir", filepath.Join("extension", name+".control"))
}

// hasLibrary looks for a loadable module, such as pg_stat_statements.
func (b Binaries) hasLibrary(ctx context.Context, name string) bool {
	for _, suffix := range []string{".so", ".dylib"} {
		if b.holds(ctx, []string{
			"../lib/postgresql", "../lib", "../lib/pgsql", "../lib64/pgsql",
			"/usr/lib64/pgsql", "/usr/lib/postgresql",
		}, "--pkglibdir", name+suffix) {
			return true
		}
	}
	return false
}

// holds asks pg_config where it stands beside the programs, for it knows, and
// tries the usual places else. Links are resolved first, as PostgreSQL does.
func (b Binaries) holds(ctx context.Context, places []string, question, file string) bool {
	dir := b.Dir
	if resolved, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
		dir = filepath.Dir(resolved)
	}
	ctx, cancel := context.WithTimeout(ctx, inspectTimeout)
	defer cancel()
	if out, err := run(account{}.command(ctx, "/", filepath.Join(dir, "pg_config"), question)); err == nil {
		return exists(filepath.Join(strings.TrimSpace(out), file))
	}
	for _, place := range places {
		if !filepath.IsAbs(place) {
			place = filepath.Join(dir, place)
		}
		if exists(filepath.Join(place, file)) {
			return true
		}
	}
	return false
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
