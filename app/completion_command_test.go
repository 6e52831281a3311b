package app_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

// completed is what is proposed for the last of the words.
func completed(t *testing.T, environ []string, words ...string) []string {
	t.Helper()
	r := command(t, environ, "", append([]string{"__completeNoDesc"}, words...)...)
	require.Equal(t, 0, r.code, r.stderr)
	lines := strings.Split(strings.TrimSpace(r.stdout), "\n")
	return lines[:len(lines)-1] // the last tells the shell what else to do
}

func TestCompletion_OfBackupsIsTheirNames(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, 4), "CHUNK_PARTITION_COUNT=4")
	require.Empty(t, completed(t, environ, "restore", ""))
	require.Equal(t, 0, command(t, environ, "", "backup", "create").code)
	names := completed(t, environ, "restore", "")
	require.Len(t, names, 2)
	require.Regexp(t, `^semantik-\d{8}-\d{6}Z\.tar$`, names[0])
	require.Equal(t, "latest", names[1])
	require.Equal(t, names[1:], completed(t, environ, "backup", "verify", "l"))
	require.Empty(t, completed(t, environ, "restore", "latest", ""), "there is one at a time")
}

func TestCompletion_OfCollectionsIsForWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, 4), "CHUNK_PARTITION_COUNT=4")
	require.Empty(t, completed(t, environ, "search", "words", "--collection", ""), "nobody runs, and it is no error")
	u := up(t, environ, t.TempDir())
	defer u.stop(t)
	for _, name := range []string{"north", "notes"} {
		require.Equal(t, 0, command(t, environ, "", "collections", "create", name).code)
	}
	require.ElementsMatch(t, []string{"north", "notes"}, completed(t, environ, "search", "words", "--collection", "no"))
	require.Equal(t, []string{"notes"}, completed(t, environ, "collections", "delete", "not"))
	require.Empty(t, completed(t, home(t), "collections", "delete", ""))
}

func TestCompletion_ForBashParsesAndCompletesACommand(t *testing.T) {
	t.Parallel()
	environ := home(t)
	r := command(t, environ, "", "completion", "bash")
	require.Equal(t, 0, r.code, r.stderr)
	script := filepath.Join(t.TempDir(), "semantik.bash")
	require.NoError(t, os.WriteFile(script, []byte(r.stdout), 0o600))
	out, err := exec.CommandContext(t.Context(), "bash", "-n", script).CombinedOutput()
	require.NoError(t, err, string(out))

	// The first line is what the script has of bash-completion, which need not be here.
	shell := exec.CommandContext(t.Context(), "bash", "--norc", "-c", `_get_comp_words_by_ref() { words=("${COMP_WORDS[@]}") cword=$COMP_CWORD cur=${COMP_WORDS[COMP_CWORD]} prev=semantik; }
source "$1"
COMP_WORDS=(semantik back) COMP_CWORD=1 COMP_LINE="semantik back" COMP_POINT=13 COMP_TYPE=9 COMP_KEY=9
__start_semantik
printf '%s\n' "${COMPREPLY[@]}"`, "bash", script)
	shell.Env = slices.Concat(environ, []string{"PATH=" + program(t) + ":" + os.Getenv("PATH")})
	out, err = shell.Output() // on the other one bash says that nobody has pressed a key
	require.NoError(t, err, string(out))
	require.Equal(t, "backup", strings.Fields(string(out))[0])
}

func TestCompletion_IsThereForOtherShells(t *testing.T) {
	t.Parallel()
	for shell, begin := range map[string]string{"zsh": "#compdef semantik", "fish": "# fish completion for semantik"} {
		r := command(t, home(t), "", "completion", shell)
		require.Equal(t, 0, r.code, r.stderr)
		require.True(t, strings.HasPrefix(r.stdout, begin), shell)
	}
	require.Equal(t, 2, command(t, home(t), "", "completion", "tcsh").code)
}
