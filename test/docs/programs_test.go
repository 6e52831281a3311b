package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// programs builds the program and the next version of it, and gives their folder.
func programs(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	build(t, filepath.Join(bin, "semantik"), "0.9.0")
	build(t, filepath.Join(bin, "semantik-next"), "1.0.0", "-overlay", next(t))
	ownPsql(t, bin)
	return bin
}

func build(t *testing.T, to, version string, flags ...string) {
	t.Helper()
	args := append([]string{"build", "-buildvcs=false", "-ldflags", "-s -w -X semantik/app.stamp=" + version, "-o", to}, flags...)
	command := exec.CommandContext(t.Context(), "go", append(args, ".")...)
	command.Dir = root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
}

// next declares the schema that a next version might have, a column and an index more on
// the chunks, as files that the Go command takes for ours.
func next(t *testing.T) string {
	t.Helper()
	folder := t.TempDir()
	overlay := struct{ Replace map[string]string }{map[string]string{}}
	for name, changes := range map[string][]string{
		"declaration.go": {"const Revision = 1\n", "const Revision = 2\n"},
		"schema.sql": {
			"    updated_at          timestamptz not null default now(),\n\n    constraint chunks_pkey",
			"    updated_at          timestamptz not null default now(),\n    language            text,\n\n    constraint chunks_pkey",
			"create index idx_chunks_part_chunk_index on chunks (collection_id, chunk_index, id);\n",
			"create index idx_chunks_part_chunk_index on chunks (collection_id, chunk_index, id);\n" +
				"create index idx_chunks_part_language on chunks (collection_id, language, id);\n",
		},
	} {
		path, err := filepath.Abs(filepath.Join(root, "schema", name))
		require.NoError(t, err)
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		text := string(content)
		for i := 0; i < len(changes); i += 2 {
			require.Equal(t, 1, strings.Count(text, changes[i]), "%s has %q once: change this test with it", name, changes[i])
			text = strings.Replace(text, changes[i], changes[i+1], 1)
		}
		overlay.Replace[path] = filepath.Join(folder, name)
		require.NoError(t, os.WriteFile(overlay.Replace[path], []byte(text), 0o600))
	}
	content, err := json.Marshal(overlay)
	require.NoError(t, err)
	path := filepath.Join(folder, "overlay.json")
	require.NoError(t, os.WriteFile(path, content, 0o600))
	return path
}
