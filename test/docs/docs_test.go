package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is where the repository is.
const root = "../.."

// documents are all pages that have blocks of shell.
func documents(t *testing.T) []document {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	decisions, err := filepath.Glob(filepath.Join(root, "docs", "decisions", "*.md"))
	require.NoError(t, err)
	var found []document
	for _, path := range append(append(paths, decisions...), filepath.Join(root, "README.md"), filepath.Join(root, "CONTRIBUTING.md")) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		if d := parse(strings.TrimPrefix(path, root+"/"), string(content)); len(d.blocks) > 0 {
			found = append(found, d)
		}
	}
	require.Greater(t, len(found), 8, "the look found the documents")
	return found
}

// What a document tells somebody to type works, and prints what the document says.
func TestDocs_PrintWhatTheySay(t *testing.T) {
	t.Parallel()
	bin := programs(t)
	for _, d := range documents(t) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			if d.runBy != "" {
				requireTest(t, d.runBy)
				t.Logf("%s runs it", d.runBy)
				return
			}
			steps := runnable(t, d)
			if len(steps) == 0 {
				return
			}
			for _, r := range play(t, bin, steps) {
				r.check(t, d.name)
			}
		})
	}
}

// runnable are the steps of a document that can be run here. It says of each block that
// cannot why.
func runnable(t *testing.T, d document) []step {
	t.Helper()
	var steps []step
blocks:
	for _, b := range d.blocks {
		if b.notRun != "" {
			t.Logf("%s:%d is not run: %s", d.name, b.line, b.notRun)
			continue
		}
		for _, program := range b.needs {
			if _, err := exec.LookPath(program); err != nil {
				t.Logf("%s:%d is not run: this machine has no %s", d.name, b.line, program)
				continue blocks
			}
		}
		if len(b.steps) == 0 {
			t.Errorf("%s:%d shows a console without a command: begin commands with \"$ \"", d.name, b.line)
		}
		steps = append(steps, b.steps...)
	}
	return steps
}

// requireTest fails unless there is a test of that name.
func requireTest(t *testing.T, name string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "app", "*_test.go"))
	require.NoError(t, err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(content), "func "+name+"(") {
			return
		}
	}
	require.Failf(t, "there is no such test", "%s is to run the document", name)
}
