package main_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// withoutScope are the methods that touch what a collection contains and take no
// scope, each with the reason.
var withoutScope = map[string]string{
	"documents.CountFailedIn":       "it takes the collections of a list that were selected for the caller, and tells numbers alone",
	"documents.ReadWords":           "it reads the words of a query and no table",
	"chunks.LimitSearch":            "it sets the limits of the transaction and reads nothing",
	"chunks.ReadWords":              "it reads the words of a query and no table",
	"chunks.NewLoad":                "it takes a number out of a sequence",
	"chunks.NextPending":            "it gives the id of a collection to the indexer, which asks for the scope then",
	"chunks.CreateChunksBulk":       "each of its batches has one",
	"documents.LockBinned":          "it gives ids of deleted documents to the task that empties the bin, which nobody asks for",
	"documents.ListDoubles":         "it gives ids to the doctor, which deletes them through the service as the operator",
	"documents.PurgeBinned":         "it deletes what is in the bin, and nothing that is not",
	"documents.PurgeBinnedContents": "it deletes contents of what is in the bin, and nothing that is not",
}

// onContent finds a statement on what a collection contains.
var onContent = regexp.MustCompile(`(?i)\b(from|join|into|update)\s+(only\s+)?(documents|document_contents|chunks|chunk_search)\b`)

// Who cannot prove a right cannot spell the query: no exported method of a
// repository that touches documents, chunks or search rows can be called without a
// scope.
func TestScope_NothingReachesAContentWithoutOne(t *testing.T) {
	t.Parallel()
	excused := map[string]bool{}
	looked := 0
	for _, module := range []string{"collections", "documents", "chunks"} {
		source := readModule(t, module)
		for _, fn := range source.functions {
			if receiver(fn) != "Repository" || !fn.Name.IsExported() {
				continue
			}
			looked++
			// In the two modules whose rows are contents, every method is about them.
			touches := module != "collections" || onContent.MatchString(source.textOf(fn, map[string]bool{}))
			if !touches || takesScope(fn) {
				continue
			}
			name := module + "." + fn.Name.Name
			excused[name] = true
			if withoutScope[name] == "" {
				t.Errorf("%s.Repository.%s touches what a collection contains and takes no collections.Scope", module, fn.Name.Name)
			}
		}
	}
	require.Greater(t, looked, 40, "the look found the repositories' methods")
	for name := range withoutScope {
		require.True(t, excused[name], "%s needs no excuse any more", name)
	}
	// It can fail: a method that recounts is found to touch documents.
	source := readModule(t, "collections")
	recount := source.functions[slices.IndexFunc(source.functions, func(fn *ast.FuncDecl) bool { return fn.Name.Name == "RecountSources" })]
	require.Regexp(t, onContent, source.textOf(recount, map[string]bool{}))
}

// scopeMakers are the only functions that make a scope of something, each with
// what stands for the right.
var scopeMakers = map[string]string{
	"GetByUUIDWithPermissionCheck": "the statement that reads the right",
	"ScopeForWork":                 "the operation was permitted when it was started",
	"ScopeForPurge":                "the collection is deleted, and only the work that purges and forgets it asks",
	"Create":                       "the collection is the caller's own, made in the same transaction",
	"DeleteOwned":                  "whoever deletes a user has the right to delete what is theirs",
}

func TestScope_IsMadeByThoseAloneWhoHaveSeenTheRight(t *testing.T) {
	t.Parallel()
	makers := map[string]bool{}
	for _, fn := range readModule(t, "collections").functions {
		ast.Inspect(fn, func(n ast.Node) bool {
			literal, ok := n.(*ast.CompositeLit)
			if !ok || len(literal.Elts) == 0 {
				return true
			}
			if name, ok := literal.Type.(*ast.Ident); ok && name.Name == "Scope" {
				makers[fn.Name.Name] = true
				require.NotEmpty(t, scopeMakers[fn.Name.Name], "%s makes a scope: who has seen the right?", fn.Name.Name)
			}
			return true
		})
	}
	require.Len(t, makers, len(scopeMakers))
}

// module is the source of one.
type module struct {
	functions []*ast.FuncDecl
	// constants are the texts that have a name.
	constants map[string]ast.Expr
}

func readModule(t *testing.T, name string) module {
	t.Helper()
	m := module{constants: map[string]ast.Expr{}}
	paths, err := filepath.Glob(filepath.Join("modules", name, "*.go"))
	require.NoError(t, err)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, declaration := range file.Decls {
			switch d := declaration.(type) {
			case *ast.FuncDecl:
				m.functions = append(m.functions, d)
			case *ast.GenDecl:
				m.readConstants(d)
			}
		}
	}
	return m
}

func (m module) readConstants(d *ast.GenDecl) {
	for _, spec := range d.Specs {
		value, ok := spec.(*ast.ValueSpec)
		if !ok || len(value.Values) != len(value.Names) {
			continue
		}
		for i, name := range value.Names {
			m.constants[name.Name] = value.Values[i]
		}
	}
}

// textOf is every text that a function can send: its own, those that it names, and
// those of the functions of the module that it calls.
func (m module) textOf(node ast.Node, seen map[string]bool) string {
	var b strings.Builder
	ast.Inspect(node, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if n.Kind == token.STRING {
				b.WriteString(text(n) + " ")
			}
		case *ast.Ident:
			if seen[n.Name] {
				return true
			}
			seen[n.Name] = true
			if value, ok := m.constants[n.Name]; ok {
				b.WriteString(m.textOf(value, seen))
			}
			for _, fn := range m.functions {
				if fn.Name.Name == n.Name && fn.Body != nil {
					b.WriteString(m.textOf(fn.Body, seen))
				}
			}
		}
		return true
	})
	return b.String()
}

// receiver is the name of the type whose method it is.
func receiver(fn *ast.FuncDecl) string {
	if fn.Recv == nil || len(fn.Recv.List) == 0 {
		return ""
	}
	if pointer, ok := fn.Recv.List[0].Type.(*ast.StarExpr); ok {
		if name, ok := pointer.X.(*ast.Ident); ok {
			return name.Name
		}
	}
	return ""
}

func takesScope(fn *ast.FuncDecl) bool {
	return slices.ContainsFunc(fn.Type.Params.List, func(parameter *ast.Field) bool {
		switch p := parameter.Type.(type) {
		case *ast.Ident:
			return p.Name == "Scope"
		case *ast.SelectorExpr:
			return p.Sel.Name == "Scope"
		default:
			return false
		}
	})
}
