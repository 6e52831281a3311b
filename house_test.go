package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// rooms are the rooms of the house from left to right: a package imports only
// what stands to its left, or in its own room.
var rooms = []string{
	"schema", "platform", "modules/users", "modules/collections", "modules/documents", "modules/chunks",
	"modules/operations", "app", "testworld", "test", "bench", "",
}

// platformMay says which of platform's packages each of them may import; one
// that is not named may import none.
var platformMay = map[string][]string{
	"database":    {"apperr"},
	"auth":        {"apperr"},
	"web":         {"apperr", "auth", "metrics", "ratelimit", "tracing"},
	"ratelimit":   {"apperr"},
	"archive":     {"apperr"},
	"audit":       {"apperr", "archive", "auth", "database", "web"},
	"idempotency": {"apperr", "auth", "database", "web"},
	"jobs":        {"apperr", "database", "metrics"},
	"statements":  {"metrics", "tracing"},
	"activity":    {"database", "metrics", "statements"},
	"system":      {"activity", "auth", "database", "metrics", "statements", "web"},
	"schedule":    {"apperr", "audit", "auth", "database", "jobs", "web"},
	"events":      {"database"},
	"schemawatch": {"apperr", "database"},
	"sockets":     {"apperr", "auth", "events", "web"},
	"postgres":    {"apperr"},
	"pgtest":      {"apperr", "postgres", "database"},
	"pgtest/run":  {"pgtest", "postgres"},
}

// pkg is what `go list` tells of a package.
type pkg struct {
	ImportPath  string
	Dir         string
	GoFiles     []string
	Imports     []string
	TestImports []string
}

// path is the package's path within the house.
func (p pkg) path() string { return within(p.ImportPath) }

func within(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, "semantik"), "/")
}

// ours keeps the imports that are packages of the house.
func ours(imports []string) []string {
	return slices.DeleteFunc(slices.Clone(imports), func(i string) bool {
		return i != "semantik" && !strings.HasPrefix(i, "semantik/")
	})
}

// roomOf is the position of a package's room, and -1 for one that stands in none.
func roomOf(path string) int {
	return slices.IndexFunc(rooms, func(room string) bool {
		return path == room || room != "" && strings.HasPrefix(path, room+"/")
	})
}

func house(t *testing.T) []pkg {
	t.Helper()
	found, err := list()
	require.NoError(t, err)
	require.Greater(t, len(found), 15, "go list saw the whole house")
	return found
}

// list asks the go command for the packages, once for all tests.
var list = sync.OnceValues(func() ([]pkg, error) {
	out, err := exec.Command("go", "list", "-json=ImportPath,Dir,GoFiles,Imports,TestImports", "./...").Output()
	if err != nil {
		return nil, err
	}
	var found []pkg
	decoder := json.NewDecoder(bytes.NewReader(out))
	for {
		var p pkg
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		found = append(found, p)
	}
})

func TestHouse_EveryImportPointsToTheLeft(t *testing.T) {
	t.Parallel()
	for _, p := range house(t) {
		room := roomOf(p.path())
		if room < 0 {
			t.Errorf("%s stands in no room: give it a place in the order of the rooms, or put it into one", p.ImportPath)
			continue
		}
		for _, i := range ours(append(slices.Clone(p.Imports), p.TestImports...)) {
			other := roomOf(within(i))
			if other > room || other < 0 {
				t.Errorf("%s imports %s, which stands to its right", p.ImportPath, i)
			}
		}
	}
}

func TestHouse_PlatformsPackagesStandOnOneAnotherInOrder(t *testing.T) {
	t.Parallel()
	for _, p := range house(t) {
		name, platform := strings.CutPrefix(p.path(), "platform/")
		if !platform {
			continue
		}
		for _, i := range ours(p.Imports) {
			other, inside := strings.CutPrefix(within(i), "platform/")
			if inside && other != name && !slices.Contains(platformMay[name], other) {
				t.Errorf("%s imports %s", p.ImportPath, i)
			}
		}
	}
}

func TestHouse_SchemaImportsNothingOfOurs(t *testing.T) {
	t.Parallel()
	for _, p := range house(t) {
		if p.path() == "schema" {
			require.Empty(t, ours(p.Imports))
			return
		}
	}
	t.Fatal("there is no package schema")
}

func TestHouse_OnlyTestsImportWhatIsForTests(t *testing.T) {
	t.Parallel()
	forTests := []string{"semantik/platform/pgtest", "semantik/testworld", "testing", "github.com/stretchr/testify/require"}
	exempt := []string{"platform/pgtest", "platform/pgtest/run", "testworld", "testworld/victim"}
	for _, p := range house(t) {
		if slices.Contains(exempt, p.path()) || strings.HasPrefix(p.path(), "bench") {
			continue
		}
		for _, i := range forTests {
			if slices.Contains(p.Imports, i) {
				t.Errorf("%s imports %s outside of its tests", p.ImportPath, i)
			}
		}
	}
}

// A transaction in whole hands can be committed by them, so that only the queue,
// whose library asks for one, is given it.
func TestHouse_OnlyTheQueueTakesThePgxTransaction(t *testing.T) {
	t.Parallel()
	taken := 0
	for _, p := range house(t) {
		for _, name := range p.GoFiles {
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			ast.Inspect(file, func(n ast.Node) bool {
				selector, ok := n.(*ast.SelectorExpr)
				if !ok || selector.Sel.Name != "PgxTx" {
					return true
				}
				taken++
				if p.path() != "platform/jobs" {
					t.Errorf("%s/%s takes PgxTx", p.path(), name)
				}
				return true
			})
		}
	}
	require.Positive(t, taken, "the look found the queue's own use")
}

// What makes a room a room: a repository knows no HTTP and no caller, a service
// no SQL and no HTTP, a route no rows.
func TestHouse_ARoomsFilesKeepToTheirRoom(t *testing.T) {
	t.Parallel()
	never := map[string][]string{
		"routes":     {"gorm.io", "github.com/jackc/pgx", "semantik/platform/database/"},
		"wire":       {"gorm.io", "github.com/jackc/pgx", "semantik/platform/database"},
		"service":    {"gorm.io", "net/http", "github.com/danielgtaylor/huma", "github.com/labstack/echo", "semantik/platform/web"},
		"repository": {"net/http", "github.com/danielgtaylor/huma", "github.com/labstack/echo", "semantik/platform/auth", "semantik/platform/web"},
		"model":      {"net/http", "github.com/danielgtaylor/huma", "semantik/platform/database", "semantik/platform/web"},
		"status":     {"net/http", "gorm.io", "semantik/platform/database", "semantik/platform/web"},
		"input":      {"net/http", "gorm.io", "github.com/jackc/pgx", "semantik/platform/web"},
	}
	seen := 0
	for _, p := range house(t) {
		if !strings.HasPrefix(p.path(), "modules/") {
			continue
		}
		for _, name := range p.GoFiles {
			kind, _, _ := strings.Cut(strings.TrimSuffix(name, ".go"), "_")
			forbidden, known := never[kind]
			if !known {
				continue
			}
			seen++
			file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, name), nil, parser.ImportsOnly)
			require.NoError(t, err)
			for _, spec := range file.Imports {
				for _, f := range forbidden {
					if strings.HasPrefix(strings.Trim(spec.Path.Value, `"`), f) {
						t.Errorf("%s/%s imports %s", p.path(), name, spec.Path.Value)
					}
				}
			}
		}
	}
	require.Greater(t, seen, 20, "the look found the modules' files")
}
