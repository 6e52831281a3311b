package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"semantik/app"
	"semantik/modules/chunks"
	"semantik/platform/auth"
	"semantik/platform/config"
	"semantik/platform/database"
)

// findPgbench looks where PostgreSQL's programs lie; the newest counts.
func findPgbench() (string, error) {
	if dir := os.Getenv("SEMANTIK_POSTGRES_BIN"); dir != "" {
		if path := filepath.Join(dir, "pgbench"); isFile(path) {
			return path, nil
		}
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/pgbench")
	if err == nil && len(found) > 0 {
		return slices.Max(found), nil
	}
	return exec.LookPath("pgbench")
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// pgbenchScript is a file with statements, and the values of its variables.
type pgbenchScript struct {
	path   string
	values []string
}

// recorder keeps the statements that the program sends.
type recorder struct {
	mu   sync.Mutex
	sent []pgx.TraceQueryStartData
}

// TraceQueryStart is pgx's.
func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	data.Args = slices.DeleteFunc(slices.Clone(data.Args), func(arg any) bool {
		switch arg.(type) { // what says how a statement is sent is none of its parameters
		case pgx.QueryExecMode, pgx.QueryResultFormats, pgx.QueryResultFormatsByOID:
			return true
		default:
			return false
		}
	})
	r.sent = append(r.sent, data)
	return ctx
}

// TraceQueryEnd is pgx's.
func (*recorder) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// onChunks finds the statements of a search that read chunks: the one that ranks
// and the one that reads what is shown.
var onChunks = regexp.MustCompile(`\bfrom (chunks|chunk_search)\b`)

// record searches in this process, and writes a script of the statements for each
// kind of query.
func (v *searching) record(ctx context.Context) ([]pgbenchScript, error) {
	c, err := config.Load(config.Options{NoEnvFile: true, Environ: []string{"DATABASE_URL=" + v.url, "SEMANTIK_DATA=" + filepath.Join(v.work, "record")}})
	if err != nil {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	r := &recorder{}
	a, err := app.Build(ctx, c, app.Options{
		Version: "bench", Logger: slog.New(slog.DiscardHandler), Quick: true, Database: func(c *database.Config) { c.Tracer = r },
	})
	if err != nil {
		return nil, fmt.Errorf("building the program: %w", err)
	}
	defer a.Close()
	var owner int64
	if err := a.DB.Querier(ctx).QueryRow(ctx, "select min(id) from users").Scan(&owner); err != nil {
		return nil, fmt.Errorf("looking for the owner: %w", err)
	}
	asOwner := auth.WithIdentity(ctx, auth.Identity{UserID: owner, Username: "bench"})
	scripts := make([]pgbenchScript, len(asked))
	for i, kind := range asked {
		r.sent = nil
		q := chunks.SearchQuery{CollectionIDs: []uuid.UUID{v.collection}, Query: words(kind.ranks), K: 10}
		result, err := a.Chunks.Search(asOwner, q)
		if err != nil {
			return nil, fmt.Errorf("searching: %w", err)
		}
		if len(result.Hits) != q.K {
			return nil, fmt.Errorf("%s found %d: %q", kind.kind, len(result.Hits), q.Query)
		}
		onlyChunks := slices.DeleteFunc(r.sent, func(s pgx.TraceQueryStartData) bool { return !onChunks.MatchString(s.SQL) })
		if scripts[i], err = writeScript(filepath.Join(v.work, fmt.Sprintf("search_%d.sql", i)), onlyChunks); err != nil {
			return nil, err
		}
	}
	return scripts, nil
}

// writeScript makes a script of statements. pgbench sends a variable as a parameter of the prepared
// statement; null is the one value that a variable cannot have.
func writeScript(path string, sent []pgx.TraceQueryStartData) (pgbenchScript, error) {
	script := pgbenchScript{path: path}
	var text strings.Builder
	for n, s := range sent {
		sql := regexp.MustCompile(`\$\d+`).ReplaceAllStringFunc(s.SQL, func(parameter string) string {
			i, _ := strconv.Atoi(parameter[1:])
			value, given := asText(s.Args[i-1])
			if !given {
				return "null"
			}
			variable := fmt.Sprintf("s%da%d", n, i)
			if setting := variable + "=" + value; !slices.Contains(script.values, setting) {
				script.values = append(script.values, setting)
			}
			return ":" + variable
		})
		text.WriteString(strings.Join(strings.Fields(sql), " ") + ";\n")
	}
	if err := os.WriteFile(script.path, []byte(text.String()), 0o600); err != nil {
		return script, fmt.Errorf("writing a script for pgbench: %w", err)
	}
	return script, nil
}

// asText is a value as PostgreSQL reads it.
func asText(value any) (text string, given bool) {
	if pointer := reflect.ValueOf(value); pointer.Kind() == reflect.Pointer || pointer.Kind() == reflect.Slice || !pointer.IsValid() {
		if !pointer.IsValid() || pointer.IsNil() {
			return "", false
		}
	}
	switch v := value.(type) {
	case *string:
		return *v, true
	case *uuid.UUID:
		return v.String(), true
	case []int64:
		return "{" + strings.Trim(strings.ReplaceAll(fmt.Sprint(v), " ", ","), "[]") + "}", true
	default:
		return fmt.Sprint(v), true
	}
}

var tps = regexp.MustCompile(`tps = ([0-9.]+)`)

// run gives how often so many clients have done the script in a second, under the
// settings of the program's connections.
func (s pgbenchScript) run(ctx context.Context, pgbench, url string, clients int, settings string) (float64, error) {
	variables := make([]string, 0, 2*len(s.values))
	for _, value := range s.values {
		variables = append(variables, "-D", value)
	}
	args := slices.Concat([]string{
		"-n", "-M", "prepared", "-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "-T", strconv.Itoa(int(loginStretch.Seconds())), "-f", s.path,
	}, variables, []string{url})
	command := exec.CommandContext(ctx, pgbench, args...)
	command.Env = append(os.Environ(), "PGOPTIONS="+settings)
	out, err := command.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("running pgbench: %w: %s", err, out)
	}
	found := tps.FindSubmatch(out)
	if found == nil {
		return 0, errors.New("pgbench said nothing of its rate: " + string(out))
	}
	return strconv.ParseFloat(string(found[1]), 64)
}
