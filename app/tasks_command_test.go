package app_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// A server that has just been started does by itself what is due.
func TestTasks_AreDoneListedAndRunByTheCommandLine(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse")
	u := up(t, environ, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	r := runs{t, environ}
	listed := func() map[string]map[string]any {
		tasks := map[string]map[string]any{}
		for _, task := range decode[map[string][]map[string]any](t, r.ok("tasks", "list", "--json"))["tasks"] {
			tasks[fmt.Sprint(task["name"])] = task
		}
		return tasks
	}
	await(t, func() bool {
		return listed()["expired"]["last_status"] == "ok" && listed()["audit-log"]["last_status"] == "ok"
	})
	for _, name := range []string{"analyze", "audit-log", "bin", "expired", "operations", "recount", "sync"} {
		require.Contains(t, listed(), name)
	}
	require.Nil(t, listed()["recount"]["last_status"], "it comes a week after the first start")

	require.Contains(t, r.ok("tasks", "run", "recount").stdout, `The task "recount" is begun`)
	await(t, func() bool { return listed()["recount"]["last_status"] == "ok" })
	shown := r.ok("tasks", "list").stdout
	require.Contains(t, shown, "recount")
	require.Contains(t, shown, "7d")
	require.Contains(t, shown, "Collections counted: ")

	unknown := command(t, environ, "", "tasks", "run", "nonsense")
	require.Equal(t, 1, unknown.code)
	require.Contains(t, unknown.stderr, `there is no task "nonsense"; "semantik tasks list"`)
	secret := strings.TrimSpace(r.ok("keys", "create", "robot", "--scope", "admin").stdout)
	denied := command(t, append(environ, "SEMANTIK_API_KEY="+secret, "SEMANTIK_SERVER="+u.result.URL), "", "tasks", "list")
	require.Equal(t, 1, denied.code)
	require.Equal(t, 2, command(t, environ, "", "tasks", "run").code)
}

// await waits until it holds, looking now and then.
func await(t *testing.T, holds func() bool) {
	t.Helper()
	require.Eventually(t, holds, 30*time.Second, 50*time.Millisecond)
}
