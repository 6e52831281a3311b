package directory_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
)

// tree makes files in a new folder, which it gives without links in its path. A name
// with a slash at its end is a folder, and one with "->" a link.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	plant(t, root, names...)
	return root
}

func plant(t *testing.T, root string, names ...string) {
	t.Helper()
	for _, name := range names {
		link, target, isLink := strings.Cut(name, "->")
		full := filepath.Join(root, link)
		if strings.HasSuffix(name, "/") && !isLink {
			require.NoError(t, os.MkdirAll(full, 0o755))
			continue
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(full), 0o755))
		if isLink {
			require.NoError(t, os.Symlink(target, full))
			continue
		}
		require.NoError(t, os.WriteFile(full, []byte("content of "+name), 0o600))
	}
}

// object writes a configuration.
func object(t *testing.T, members map[string]any) json.RawMessage {
	t.Helper()
	text, err := json.Marshal(members)
	require.NoError(t, err)
	return text
}

// list gives the paths of the files of a folder.
func list(t *testing.T, c *directory.Connector, path string, members map[string]any) ([]string, connectors.ListReport) {
	t.Helper()
	config, err := c.Check(t.Context(), path, object(t, members))
	require.NoError(t, err)
	return listConfig(t, c, config)
}

func listConfig(t *testing.T, c *directory.Connector, config connectors.Config) ([]string, connectors.ListReport) {
	t.Helper()
	paths := []string{}
	report, err := c.List(t.Context(), config, func(e connectors.Entry) error {
		paths = append(paths, e.Path)
		return nil
	})
	require.NoError(t, err)
	require.EqualValues(t, len(paths), report.Files)
	return paths, report
}

// warnings are the report's, a line each.
func warnings(r connectors.ListReport) []string {
	lines := []string{}
	for _, w := range r.Warnings {
		lines = append(lines, w.String())
	}
	return lines
}

// folder is the configuration of one, unchecked.
func folder(path string) connectors.Config {
	return connectors.Config{Path: path, Config: fmt.Appendf(nil, `{"path": %q}`, path)}
}
