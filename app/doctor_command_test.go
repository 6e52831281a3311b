package app_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// examined is what --json is promised to have.
type examined struct {
	Server struct {
		Version   string `json:"version"`
		Embedded  bool   `json:"embedded"`
		FreeBytes *int64 `json:"free_bytes"`
	} `json:"server"`
	Checks   int `json:"checks"`
	Findings []struct {
		Key      string   `json:"key"`
		Severity string   `json:"severity"`
		Count    int64    `json:"count"`
		Examples []string `json:"examples"`
		Meaning  string   `json:"meaning"`
		Fix      string   `json:"fix"`
		Fixable  bool     `json:"fixable"`
	} `json:"findings"`
	Mended []struct {
		What  string `json:"what"`
		Count int64  `json:"count"`
	} `json:"mended"`
}

// keys are those that are found, without what is about the server of all tests.
func (e examined) keys() []string {
	keys := []string{}
	for _, f := range e.Findings {
		if !strings.HasPrefix(f.Key, "setting_") && !strings.HasPrefix(f.Key, "disk_") {
			keys = append(keys, f.Key)
		}
	}
	return keys
}

// errors is how many errors there are, all of them.
func (e examined) errors() int {
	n := 0
	for _, f := range e.Findings {
		if f.Severity == "error" {
			n++
		}
	}
	return n
}

func TestDoctor_FindsMendsAndSaysWhatIsLeft(t *testing.T) {
	t.Parallel()
	url := pgtest.Partitioned(t, partitions)
	environ := home(t, "DATABASE_URL="+url)
	look := func(args ...string) (ran, examined) {
		r := command(t, environ, "", append([]string{"doctor", "--json"}, args...)...)
		var e examined
		require.NoError(t, json.Unmarshal([]byte(r.stdout), &e), r.stderr)
		code := 0
		if e.errors() > 0 {
			code = 1
		}
		require.Equal(t, code, r.code, r.stderr)
		return r, e
	}
	_, e := look()
	require.Empty(t, e.keys())
	require.Greater(t, e.Checks, 90)
	require.False(t, e.Server.Embedded)

	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), `
set session_replication_role = replica;
insert into chunking_configs (name, strategy, created_by) values ('lost', 'recursive', 4711);
alter table documents disable trigger all`)
	require.NoError(t, err)

	_, e = look()
	require.ElementsMatch(t, []string{"orphan_chunking_configs_user", "trigger_disabled"}, e.keys())
	require.Empty(t, e.Mended)
	r := command(t, environ, "", "doctor")
	require.Equal(t, 1, r.code)
	for _, words := range []string{"Errors: data is wrong", "orphan_chunking_configs_user: 1", "names 4711", "To do: semantik doctor --fix --allow-destructive"} {
		require.Contains(t, r.stdout, words)
	}
	require.NotContains(t, r.stdout+r.stderr, "\x1b")
	_, e = look("--fix")
	require.Equal(t, []string{"orphan_chunking_configs_user"}, e.keys(), "nothing is deleted without leave")
	require.Equal(t, "triggers switched on", e.Mended[0].What)
	_, e = look("--fix", "--allow-destructive")
	require.Empty(t, e.keys())
	require.EqualValues(t, 1, e.Mended[0].Count)
	var actor string
	require.NoError(t, conn.QueryRow(t.Context(), `select actor from audit_log where action = 'doctor.fix' and object_id = 'orphan_chunking_configs_user'`).Scan(&actor))
	require.Equal(t, "operator", actor)
}

func TestDoctor_SaysWhyItCannotLook(t *testing.T) {
	t.Parallel()
	r := command(t, home(t, "DATABASE_URL="+pgtest.Empty(t)), "", "doctor")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "semantik schema apply")
	r = command(t, home(t), "", "doctor", "--allow-destructive")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "--fix")
}
