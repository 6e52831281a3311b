package app_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"semantik/app"
)

func TestCommands_HaveHelp(t *testing.T) {
	t.Parallel()
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			look(child)
		}
		if cmd.Name() == "help" {
			return
		}
		require.NotEmpty(t, cmd.Short, cmd.CommandPath())
		require.Contains(t, cmd.Example, cmd.CommandPath(), "%s has an example", cmd.CommandPath())
		require.Contains(t, cmd.UsageString(), "Exit codes:", cmd.CommandPath())
		if !cmd.HasSubCommands() && cmd.Name() != "serve" && cmd.Parent().Name() != "completion" {
			require.NotNil(t, cmd.Flags().Lookup("json"), "%s has --json", cmd.CommandPath())
		}
	}
	look(app.Commands())
}

func TestCommands_ExitWithTwoOnWrongUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{
		{"frobnicate"}, {"schema", "frobnicate"}, {"search", "--frob"}, {"search"}, {"search", "words"}, {"search", "words", "-c", "x", "-k", "0"},
		{"search", " ", "-c", "x"}, {"ingest"}, {"ingest", "."}, {"ingest", ".", "-c", "x", "--parallel", "0"}, {"up", "a", "b"},
		{"login", "--server", "nonsense", "--password-stdin", "-u", "x"}, {"login", "-u", "x"}, {"login", "--password-stdin"},
		{"search", "words", "-c", "x", "--server", "127.0.0.1:8080"},
		{"search", "words", "-c", "x", "--filter", ""}, {"search", "words", "-c", "x", "--filter", "[1]"}, {"search", "words", "-c", "x", "--filter", "{"},
		{"keys", "create"}, {"keys", "create", "x", "--scope", "all"}, {"keys", "create", "x", "--expires-in-days", "0"}, {"keys", "revoke"},
		{"keys", "list", "--api-key-file", "/does/not/exist"}, {"keys", "list", "--api-key-file", "-"}, {"keys", "list", "--api-key-file", ""},
		{"collections", "share", "x"}, {"collections", "share", "x", "--user", "a", "--key", "b"}, {"collections", "unshare", "x"},
		{"collections", "share", "x", "--user", "a", "-p", "own"}, {"collections", "delete", "x"}, {"collections", "rename", "x"},
		{"audit", "--since", "yesterday"}, {"audit", "--until", "-1h"}, {"audit", "--limit", "0"}, {"audit", "--object", ":x"}, {"logout", "extra"},
		{"operations", "show"}, {"operations", "watch"}, {"operations", "cancel"}, {"operations", "list", "--limit", "0"},
		{"ingest", ".", "-c", "x", "--timeout", "-1s"}, {"collections", "retry-failed"}, {"collections", "bin"}, {"collections", "restore-document", "x"},
		{"users", "create"}, {"users", "create", "x"}, {"users", "delete", "x"},
	} {
		r := command(t, home(t), "", args...)
		require.Equal(t, 2, r.code, "%v: %s", args, r.stderr)
		require.NotEmpty(t, r.stderr)
	}
}

// An example that does not parse is worse than none.
func TestCommands_HaveExamplesThatTheyUnderstand(t *testing.T) {
	t.Parallel()
	seen := 0
	var look func(cmd *cobra.Command)
	look = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			look(child)
		}
		for _, call := range regexp.MustCompile(`(?:^|[ (])semantik ((?:"[^"]*"|'[^']*'|[^"'|<>;&)\n])*)`).FindAllStringSubmatch(cmd.Example, -1) {
			words := regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^"'\s])+`).FindAllString(call[1], -1)
			for i, word := range words {
				words[i] = strings.NewReplacer(`"`, "", "'", "").Replace(word)
			}
			if words[0] == "semantik" { // the name of a database, before the command
				words = words[1:]
			}
			named, rest, err := app.Commands().Find(words)
			require.NoError(t, err, call[0])
			require.NoError(t, named.ParseFlags(rest), call[0])
			seen++
		}
	}
	look(app.Commands())
	require.Greater(t, seen, 60, "the look found the examples")
}
