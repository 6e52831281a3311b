package testworld

import (
	"context"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
)

var (
	beginsStatement = regexp.MustCompile(`(?i)^\s*(select|with|insert|update|delete|merge|copy|truncate|lock|alter)\b`)
	namesTable      = regexp.MustCompile(`(?i)\b(from|join|into|update|copy|truncate|table|lock)\s+("?public"?\.)?"?(chunks|chunk_search)\b`)
)

// isOnChunks remembers the answers of [IsOnChunks]: some hundred statements are sent over
// and over, and the look at each was a twentieth of the processor time of tests.
var isOnChunks sync.Map

// IsOnChunks tells a statement that reads or writes chunks or their search rows.
func IsOnChunks(sql string) bool {
	if known, ok := isOnChunks.Load(sql); ok {
		return known == true
	}
	is := beginsStatement.MatchString(sql) && namesTable.MatchString(sql)
	isOnChunks.Store(sql, is)
	return is
}

// StatementsOnChunks finds every SQL text in the program's source that is about chunks
// or their search rows, by where it stands: a test explains each of them. What is left
// out deals with all partitions at once: schema, which declares the tables and checks
// all of their rows, and partitions, which has tests of its own.
func StatementsOnChunks() (map[string]string, error) {
	return readStatements(func(dir string) bool { return dir != "partitions" }, "modules", "app", "platform")
}

// explained are the texts of [StatementsOnChunks], and elsewhere those of what is left
// out there.
var explained, elsewhere = sync.OnceValues(func() (map[string]bool, error) {
	return texts(StatementsOnChunks())
}), sync.OnceValues(func() (map[string]bool, error) {
	return texts(readStatements(func(string) bool { return true }, "modules/chunks/partitions", "schema"))
})

func texts(found map[string]string, err error) (map[string]bool, error) {
	set := map[string]bool{}
	for _, sql := range found {
		set[sql] = true
	}
	return set, err
}

// unexplained gives the statements among those that the program has sent that no test
// has looked at: put together when it runs, say, or by a library.
func unexplained(sent map[string]bool) ([]string, error) {
	known, err := explained()
	if err != nil {
		return nil, err
	}
	others, err := elsewhere()
	if err != nil {
		return nil, err
	}
	var found []string
	for sql := range sent {
		if known[sql] || others[sql] {
			continue
		}
		// A rule of the schema is wrapped, so that a broken one gives so many rows.
		within := false
		for text := range others {
			within = within || strings.Contains(sql, text)
		}
		if !within {
			found = append(found, sql)
		}
	}
	slices.Sort(found)
	return found, nil
}

// readStatements reads the Go files below folders of the repository.
func readStatements(enter func(dir string) bool, folders ...string) (map[string]string, error) {
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // only this file's path is of use
	root := filepath.Dir(filepath.Dir(here))
	found := map[string]string{}
	for _, folder := range folders {
		err := filepath.WalkDir(filepath.Join(root, folder), func(dir string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil, !entry.IsDir():
				return err
			case !enter(entry.Name()):
				return filepath.SkipDir
			default:
				return collectStatements(root, dir, found)
			}
		})
		if err != nil {
			return nil, fmt.Errorf("reading the program's source: %w", err)
		}
	}
	return found, nil
}

func collectStatements(root, dir string, found map[string]string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	constants := map[string]ast.Expr{}
	var files []*ast.File
	set := token.NewFileSet()
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(set, name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
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
			if _, name := expr.(*ast.Ident); !name && IsOnChunks(text) {
				at := set.Position(expr.Pos())
				at.Filename = strings.TrimPrefix(at.Filename, root+string(filepath.Separator))
				found[at.String()] = text
			}
			return false // what it is put together from is no statement by itself
		})
	}
	return nil
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

// besideKey marks the statements of a test itself.
type besideKey struct{}

// Beside gives a context for the statements that a test sends beside the program.
func Beside(ctx context.Context) context.Context {
	return context.WithValue(ctx, besideKey{}, true)
}
