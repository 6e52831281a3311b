package app_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
	"semantik/testworld/victim"
)

// walk is the commands of a page of the documentation, in their order.
func walk(t *testing.T, page string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "docs", page))
	require.NoError(t, err)
	var commands []string
	for _, block := range regexp.MustCompile("(?ms)^```sh\n(.*?)^```$").FindAllStringSubmatch(string(content), -1) {
		commands = append(commands, block[1])
	}
	require.NotEmpty(t, commands)
	return strings.Join(commands, "")
}

// program is a folder with the program in it, under its name.
func program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	folder := t.TempDir()
	script := "#!/bin/sh\n" + victim.AsProgram + "=1 exec " + self + " \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "semantik"), []byte(script), 0o700))
	return folder
}

// The page about sharing holds as it stands, command by command.
func TestSharing_IsAsThePageSays(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse")
	u := up(t, environ, t.TempDir())
	defer u.stop(t)

	var output bytes.Buffer
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", walk(t, "sharing.md"))
	shell.Dir = t.TempDir()
	shell.Env = slices.Concat(environ, []string{"PATH=" + program(t) + ":" + os.Getenv("PATH"), "SEMANTIK_SERVER=" + u.result.URL, "TMPDIR=" + t.TempDir()})
	shell.Stdout = &output
	shell.Stderr = &output
	err := shell.Run()
	text := output.String()
	require.NoError(t, err, text)

	rest := text
	for _, expected := range []string{
		`bob .*bob@example\.com .*user .*active`,
		`Signed in to \S+ as alice`, `Made the collection "handbook"`, `1 new document`, `Shared "handbook" with bob`, `bob +read +alice`,
		`Signed in to \S+ as bob`, `handbook +ready .*shared`, `handbook/fish\.md`, `Only the owner of this collection`, `Bob may not rename it`,
		`Made the API key "nightly". It may read and write, in the collection "handbook"`,
		`1 new document, 1 content that is there already`, `handbook/ice\.md`, `The key may not make collections`,
		`WHEN +WHO +WHAT`, `alice by key smtk_\w{8} +document\.create +document .*file_path=handbook/ice\.md`,
		`WHEN +WHO +WHAT`, `collection\.share`,
		`Revoked the API key "nightly"`, `The API key was revoked`, `The key is revoked`, `nightly .*revoked`,
		`no longer shared with bob`, `no collection "handbook" that you may see`, `For Bob there is no such collection`,
		`Deleted the collection "handbook" with 2 documents`, `Signed out`, `Signed out`,
	} {
		at := regexp.MustCompile(expected).FindStringIndex(rest)
		require.NotNil(t, at, "%q is not there, or not where it should be:\n%s", expected, text)
		rest = rest[at[1]:]
	}
	key, err := os.ReadFile(filepath.Join(shell.Dir, "nightly.key"))
	require.NoError(t, err)
	require.Regexp(t, `^smtk_[0-9a-f]{8}_[\w-]{43}\n$`, string(key), "the key is alone on standard output")
	require.NotContains(t, text, strings.TrimSpace(string(key)), "and nowhere else")
	require.NotContains(t, u.stderr.String(), strings.TrimSpace(string(key)))
}
