package main_test

import (
	"cmp"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/modules/operations/doctor"
	"semantik/platform/apperr"
	"semantik/platform/config"
	"semantik/platform/pgtest"
	"semantik/platform/postgres"
	"semantik/testworld"
)

// `make docs` writes what these tests compare.
var update = flag.Bool("update", false, "write the generated parts of docs/")

func TestMain(m *testing.M) { pgtest.Main(m) }

// requireGenerated compares the part of a document that stands between the two
// comments of that name.
func requireGenerated(t *testing.T, file, name, want string) {
	t.Helper()
	path := filepath.Join("docs", file)
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	begin, end := "<!-- generated: "+name+" -->\n", "<!-- end: "+name+" -->"
	before, rest, ok := strings.Cut(string(content), begin)
	require.True(t, ok, "%s has no %q", file, begin)
	have, after, ok := strings.Cut(rest, end)
	require.True(t, ok, "%s has no %q", file, end)
	want = "\n" + strings.TrimSpace(want) + "\n\n"
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(before+begin+want+end+after), 0o644))
		return
	}
	require.Equal(t, want, have, "%s is out of date; run make docs", file)
}

func TestDocs_NameEverySetting(t *testing.T) {
	t.Parallel()
	requireGenerated(t, "configuration.md", "settings", config.Markdown())
}

// The memory sizes are those of a machine of 16 GiB; the text beside the table
// says how they are reckoned.
func TestDocs_NameTheEmbeddedServersSettings(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| setting | value |\n| --- | --- |\n")
	all := postgres.MachineSettings(16 << 30)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		value := all[name]
		if kilobytes, err := strconv.Atoi(strings.TrimSuffix(value, "kB")); err == nil && strings.HasSuffix(value, "kB") {
			value = strconv.Itoa(kilobytes>>10) + "MB"
		}
		fmt.Fprintf(&b, "| `%s` | `%s` |\n", name, cmp.Or(value, "''"))
	}
	requireGenerated(t, "configuration.md", "server", b.String())
}

func TestDocs_NameEveryScheduledTask(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| task | every | what it does |\n| --- | --- | --- |\n")
	for _, task := range testworld.New(t, testworld.NoWorker(), testworld.Empty()).Schedule.Tasks() {
		every := fmt.Sprintf("%.0f minutes", task.Every.Minutes())
		switch {
		case task.Every == time.Minute:
			every = "minute"
		case task.Every == time.Hour:
			every = "hour"
		case task.Every == 24*time.Hour:
			every = "day"
		case task.Every > 24*time.Hour:
			every = fmt.Sprintf("%.0f days", task.Every.Hours()/24)
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", task.Name, every, task.Description)
	}
	requireGenerated(t, "operations.md", "tasks", b.String())
}

func TestDocs_NameEveryCheckOfTheDoctor(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| check | what should hold | what it means when it does not | what to do |\n| --- | --- | --- | --- |\n")
	for _, c := range doctor.Checks() {
		cell := strings.NewReplacer("|", `\|`, "_", `\_`, "*", `\*`).Replace
		fmt.Fprintf(&b, "| %s: `%s` | %s | %s | %s |\n", c.Severity, c.Key, cell(c.Name), cell(c.Meaning), cell(c.Remedy))
	}
	requireGenerated(t, "operations.md", "doctor", b.String())
}

func TestDocs_NameEveryMetric(t *testing.T) {
	t.Parallel()
	requireGenerated(t, "operations.md", "metrics", testworld.New(t, testworld.NoWorker(), testworld.Empty()).Metrics.Markdown())
}

// An alert on a metric that there is not would never be heard.
func TestDocs_AlertsAreOnMetricsThatThereAre(t *testing.T) {
	t.Parallel()
	rules, err := os.ReadFile(filepath.Join("docs", "monitoring", "alerts.yaml"))
	require.NoError(t, err)
	text, err := os.ReadFile(filepath.Join("docs", "operations.md"))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, d := range testworld.New(t, testworld.NoWorker(), testworld.Empty()).Metrics.Describe() {
		known[d.Name] = true
	}
	named := regexp.MustCompile(`\bsemantik_[a-z_]+[a-z]\b`).FindAllString(string(rules)+string(text), -1)
	require.Greater(t, len(named), 30)
	for _, name := range named {
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			name = strings.TrimSuffix(name, suffix)
		}
		require.True(t, known[name] || slices.Contains([]string{"semantik_database", "semantik_queue", "semantik_partition"}, name), name)
	}
}

func TestDocs_SayWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for _, section := range testworld.Matrix() {
		fmt.Fprintf(&b, "### %s\n\n| route |", section.Name)
		for _, asker := range testworld.Askers {
			fmt.Fprintf(&b, " %s |", asker)
		}
		b.WriteString("\n| --- |" + strings.Repeat(" --- |", len(testworld.Askers)) + "\n")
		for _, row := range section.Rows {
			fmt.Fprintf(&b, "| `%s` |", row.Route)
			for _, status := range row.Statuses {
				fmt.Fprintf(&b, " %d |", status)
			}
			b.WriteString("\n")
		}
		b.WriteString("\n")
	}
	requireGenerated(t, "permissions.md", "matrix", b.String())
}

func TestDocs_NameEveryErrorCode(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("| code | status | meaning |\n| --- | --- | --- |\n")
	codes := declaredErrors(t)
	for _, code := range slices.Sorted(maps.Keys(codes)) {
		e := codes[code]
		fmt.Fprintf(&b, "| `%s` | %d | %s |\n", code, e.status, strings.ReplaceAll(e.message, "|", `\|`))
	}
	requireGenerated(t, "api.md", "codes", b.String())
}

type declared struct {
	status  int
	message string
}

// declaredErrors reads every apperr.New and apperr.Newf of the program from its
// source, so that none can be forgotten. Those of platform/postgres and of the
// commands are for the operator's terminal, and never an answer.
func declaredErrors(t *testing.T) map[string]declared {
	t.Helper()
	found := map[string]declared{}
	for _, root := range []string{"modules", "platform"} {
		require.NoError(t, filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() && path == filepath.Join("platform", "postgres") {
				return filepath.SkipDir
			}
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if call, ok := n.(*ast.CallExpr); ok {
					if code, e, ok := declaration(t, file.Name.Name, call); ok {
						found[code] = e
					}
				}
				return true
			})
			return nil
		}))
	}
	return found
}

func declaration(t *testing.T, pkg string, call *ast.CallExpr) (string, declared, bool) {
	t.Helper()
	name := ""
	switch fn := call.Fun.(type) {
	case *ast.SelectorExpr:
		if from, ok := fn.X.(*ast.Ident); ok && from.Name == "apperr" {
			name = fn.Sel.Name
		}
	case *ast.Ident:
		if pkg == "apperr" {
			name = fn.Name
		}
	}
	if name != "New" && name != "Newf" || len(call.Args) < 3 {
		return "", declared{}, false
	}
	code, message := text(call.Args[1]), text(call.Args[2])
	if code == "" {
		return "", declared{}, false
	}
	// What is filled in differs from answer to answer.
	message = regexp.MustCompile(`%[a-z]`).ReplaceAllString(strings.TrimSpace(message), "…")
	return code, declared{status: kindOf(t, call.Args[0]).Status(), message: message}, true
}

// text is a string literal, or several joined by +.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err == nil {
			return s
		}
	case *ast.BinaryExpr:
		return text(e.X) + text(e.Y)
	}
	return ""
}

func kindOf(t *testing.T, e ast.Expr) apperr.Kind {
	t.Helper()
	name := ""
	switch e := e.(type) {
	case *ast.SelectorExpr:
		name = e.Sel.Name
	case *ast.Ident:
		name = e.Name
	}
	kinds := map[string]apperr.Kind{
		"Malformed": apperr.Malformed, "Unauthenticated": apperr.Unauthenticated, "Forbidden": apperr.Forbidden,
		"NotFound": apperr.NotFound, "Timeout": apperr.Timeout, "Conflict": apperr.Conflict,
		"PreconditionFailed": apperr.PreconditionFailed, "TooLarge": apperr.TooLarge,
		"UnsupportedMediaType": apperr.UnsupportedMediaType, "Invalid": apperr.Invalid, "RateLimited": apperr.RateLimited,
		"Internal": apperr.Internal, "Unavailable": apperr.Unavailable,
	}
	kind, ok := kinds[name]
	require.True(t, ok, "the kind %s is new: name it here", name)
	return kind
}
