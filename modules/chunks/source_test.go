package chunks_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var (
	beginsStatement = regexp.MustCompile(`(?i)^\s*(select|with|insert|update|delete|merge|copy|truncate|lock|alter)\b`)
	namesTable      = regexp.MustCompile(`(?i)\b(from|join|into|update|copy|truncate|table|lock)\s+("?public"?\.)?"?(chunks|chunk_search)\b`)
)

// isStatement tells SQL that reads or writes one of the two tables.
func isStatement(text string) bool {
	return beginsStatement.MatchString(text) && namesTable.MatchString(text)
}

// statementsInSource finds every SQL text in the program's source that is about
// chunks or their search rows, by where it stands. schema, which declares the
// tables and checks all of their rows, is left out, and so is partitions, which deals
// with all of them and has tests of its own.
func statementsInSource(t *testing.T) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, root := range []string{"..", "../../app", "../../platform"} {
		require.NoError(t, filepath.WalkDir(root, func(dir string, entry os.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return err
			}
			if entry.Name() == "partitions" {
				return filepath.SkipDir
			}
			collectStatements(t, dir, found)
			return nil
		}))
	}
	require.Greater(t, len(found), 8, "the look found the repository's statements")
	return found
}

func collectStatements(t *testing.T, dir string, found map[string]string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	require.NoError(t, err)
	constants := map[string]ast.Expr{}
	var files []*ast.File
	set := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		files = append(files, file)
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				for i, value := range spec.Values {
					constants[spec.Names[i].Name] = value
				}
			}
			return true
		})
	}
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			expr, ok := n.(ast.Expr)
			if !ok {
				return true
			}
			text, ok := textOf(expr, constants)
			if !ok {
				return true
			}
			if _, name := expr.(*ast.Ident); !name && isStatement(text) {
				found[set.Position(expr.Pos()).String()] = text
			}
			return false // what it is put together from is no statement by itself
		})
	}
}

// textOf gives the value of an expression of string literals and constants.
func textOf(expr ast.Expr, constants map[string]ast.Expr) (string, bool) {
	switch e := expr.(type) {
	case *ast.BasicLit:
		if e.Kind != token.STRING {
			return "", false
		}
		text, err := strconv.Unquote(e.Value)
		return text, err == nil
	case *ast.BinaryExpr:
		left, ok := textOf(e.X, constants)
		right, also := textOf(e.Y, constants)
		return left + right, ok && also && e.Op == token.ADD
	case *ast.Ident:
		value, ok := constants[e.Name]
		if !ok {
			return "", false
		}
		return textOf(value, constants)
	default:
		return "", false
	}
}

func TestSource_TheChunksAreReachedBySQLAlone(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		require.NoError(t, err)
		for _, i := range file.Imports {
			require.NotContains(t, i.Path.Value, "gorm", "%s: what GORM writes is not in the source for a test to find", name)
		}
	}
}
