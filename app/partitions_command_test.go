package app_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app"
	api "semantik/app/client"
	"semantik/platform/pgtest"
)

// drawn is what the command prints for what a server has answered.
func drawn(t *testing.T, answers map[string]any) string {
	t.Helper()
	encoded, err := json.Marshal(answers)
	require.NoError(t, err)
	var p api.Partitions
	require.NoError(t, json.Unmarshal(encoded, &p))
	var stdout buffer
	app.Shell{Stdout: &stdout}.Partitions(p)
	for line := range strings.Lines(stdout.String()) {
		require.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, line)
	}
	return stdout.String()
}

// partitioned are the answers about partitions with so many chunks each.
func partitioned(n int, chunks func(num int) (int64, string)) map[string]any {
	listed := []map[string]any{}
	for num := range n {
		count, status := chunks(num)
		listed = append(listed, map[string]any{"partition_num": num, "health_status": status, "chunk_count": count})
	}
	return map[string]any{
		"health":          map[string]any{"status": "success"},
		"statistics":      map[string]any{"statistics": map[string]any{"total_chunks": 1234567, "total_size_mb": 2048.0, "collections": 1, "dead_rows": 12}},
		"health_summary":  map[string]any{"partitions": listed, "healthy_count": n},
		"recommendations": map[string]any{},
	}
}

func TestPartitions_AreDrawnInEightyColumns(t *testing.T) {
	t.Parallel()
	answers := partitioned(100, func(num int) (int64, string) {
		return int64(num) * 5_000_000, map[int]string{99: "UNBALANCED", 98: "WARNING"}[num]
	})
	text := drawn(t, answers)
	require.Contains(t, text, "1,234,567 chunks in 100 partitions of 1 collection\n2.0 GiB, and 0.0 MiB of search rows; 12 rows dead\n")
	require.Contains(t, text, " 99X████████   495M")
	require.Contains(t, text, " 98!███████▉   490M")
	require.Contains(t, text, "  0               0 ", "an empty one has no bar")
	require.Contains(t, text, "  1 ▏          5.0M", "and whatever is not empty has one")
	require.Equal(t, 25, strings.Count(text, "\n")-4)

	for n, lines := range map[int]int{1: 1, 4: 1, 5: 2, 1000: 250} {
		text := drawn(t, partitioned(n, func(int) (int64, string) { return 999_999_999_999, "HEALTHY" }))
		require.Equal(t, lines, strings.Count(text, "\n")-4, n)
		require.Contains(t, text, "████████     1T", n)
	}
	require.NotContains(t, drawn(t, partitioned(100, func(int) (int64, string) { return 0, "HEALTHY" })), "▏")
}

func TestPartitions_AlertsAndRecommendationsAreFolded(t *testing.T) {
	t.Parallel()
	answers := partitioned(3, func(int) (int64, string) { return 1, "HEALTHY" })
	answers["health"] = map[string]any{"status": "success", "alerts": []any{map[string]any{
		"level": "warning", "message": strings.Repeat("large ", 30) + "\x1b[2J", "action": "Plan ahead.",
		"details": map[string]any{"partitions": []int{1, 2, 3, 7, 9, 10}},
	}}}
	list := []any{map[string]any{"partition": nil, "reason": "No statistics.", "action": "ANALYZE chunks", "priority": "MEDIUM"}}
	for num := range 12 {
		list = append(list, map[string]any{"partition": num, "reason": strings.Repeat("full ", 30), "action": "Do it.", "priority": "HIGH"})
	}
	answers["recommendations"] = map[string]any{"recommendations": list}
	text := drawn(t, answers)
	require.Contains(t, text, "warning: large ")
	require.NotContains(t, text, "\x1b")
	require.Contains(t, text, "  Partitions: 1-3, 7, 9-10\n  Plan ahead.\n")
	require.Contains(t, text, "All partitions (medium): No statistics.\n  ANALYZE chunks\n")
	require.Contains(t, text, "Partition 8 (high): full")
	require.Contains(t, text, "… and 3 further recommendations")
}

func TestPartitions_AreShownToSuperusersAndFailOnWhatIsCritical(t *testing.T) {
	t.Parallel()
	database := pgtest.Database(t)
	environ := home(t, "DATABASE_URL="+database, "SEMANTIK_ADMIN_PASSWORD=correct horse", "CHUNK_PARTITION_COUNT=100")
	u := up(t, environ, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	r := runs{t, environ}
	shown := r.ok("partitions").stdout
	require.Contains(t, shown, "0 chunks in 100 partitions")
	require.Contains(t, shown, "100 healthy")
	all := decode[map[string]any](t, r.ok("partitions", "--json"))
	require.Len(t, all, 4)
	require.Contains(t, fmt.Sprint(all["health"]), "generated_column_copied_by_foreign_key")
	require.NotContains(t, fmt.Sprint(all["health"]), "nil", "a list without an entry is a list")
	secret := strings.TrimSpace(r.ok("keys", "create", "monitor", "--scope", "admin").stdout)
	denied := command(t, append(environ, "SEMANTIK_API_KEY="+secret, "SEMANTIK_SERVER="+u.result.URL), "", "partitions")
	require.Equal(t, 1, denied.code)
	require.Contains(t, denied.stderr, "Admin access required")
	require.Equal(t, 2, command(t, environ, "", "partitions", "extra").code)

	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `drop table chunk_search_p42`)
	require.NoError(t, err)
	for _, args := range [][]string{{"partitions"}, {"partitions", "--json"}} {
		broken := command(t, environ, "", args...)
		require.Equal(t, 1, broken.code)
		require.Contains(t, broken.stdout, "1 partition is missing")
		require.Contains(t, broken.stderr, "critical")
	}
}
