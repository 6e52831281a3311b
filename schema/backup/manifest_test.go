package backup_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/schema/backup"
)

// A manifest is what was written or there is no backup, and one that was written without
// some of the tables is none either. Nothing is replaced before that is seen.
func TestVerify_FindsWhatAManifestDoesNotTellOf(t *testing.T) {
	t.Parallel()
	path := made(t, "folder").Path
	drop := func(name string, most int) func(m map[string]any) {
		return func(m map[string]any) {
			tables, ok := m["tables"].([]any)
			require.True(t, ok)
			m["tables"] = slices.DeleteFunc(tables, func(one any) bool {
				table, ok := one.(map[string]any)
				drops := ok && most > 0 && strings.HasPrefix(fmt.Sprint(table["name"]), name)
				if drops {
					most--
				}
				return drops
			})
		}
	}
	restored := false
	for name, test := range map[string]struct {
		change func(m map[string]any)
		sealed bool
		remove string
		want   string
	}{
		"another number":      {change: func(m map[string]any) { m["sequences"] = []any{} }, want: "not what was written"},
		"a table":             {change: drop("api_keys", 1), sealed: true, remove: "public.api_keys", want: "api_keys"},
		"a partition":         {change: drop("chunks_p3", 1), sealed: true, remove: "public.chunks_p3", want: "chunks_p3"},
		"all months":          {change: drop("audit_log_", 99), sealed: true, want: "does not tell of audit_log"},
		"one that is there":   {change: drop("audit_log_", 1), sealed: true, want: `does not tell of "data/public.audit_log_`},
		"all tables":          {change: func(m map[string]any) { m["tables"] = []any{} }, sealed: true, want: "users"},
		"a name of none ours": {change: func(m map[string]any) { m["sequences"] = []any{map[string]any{"schema": "public", "name": "x; y"}} }, sealed: true, want: "x; y"},
	} {
		copied := filepath.Join(t.TempDir(), "folder")
		copyBackup(t, path, copied)
		change := alter
		if test.sealed {
			change = rewrite
		}
		change(t, copied, test.change)
		if test.remove != "" {
			require.NoError(t, os.Remove(filepath.Join(copied, "data", test.remove)))
		}
		b, err := backup.Open(copied)
		if err == nil {
			_, err = backup.VerifyFiles(t.Context(), b, 2, nil)
			if !restored {
				restored = true
				_, again := backup.Restore(t.Context(), "postgres://nobody@127.0.0.1:1/none", b, backup.RestoreOptions{Force: true})
				require.ErrorIs(t, again, backup.ErrDamaged, "before it is connected to")
			}
			require.NoError(t, b.Close())
		}
		require.ErrorIs(t, err, backup.ErrDamaged, name)
		require.ErrorContains(t, err, test.want, name)
	}
}
