package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/app"
)

// What a document or a file's name holds cannot reach into the terminal.
func TestPlain_KeepsControlCharactersFromTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, "[31mred [2J", app.Plain("\x1b[31mred\x1b[2J"))
	require.Equal(t, "two lines", app.Plain("two\r\nlines\n"))
	require.Equal(t, "abc evil", app.Plain("abc\u202eevil"), "nor turn it round")
	require.Equal(t, "bad byte", app.Plain("bad\xffbyte"))
	require.Equal(t, "Häuser 日本", app.Plain("Häuser 日本"))
}

func TestSnippet_ShowsTheWordsAndNothingElse(t *testing.T) {
	t.Parallel()
	bold := func(s string) string { return "\x1b[1m\x1b[33m" + s + "\x1b[0m\x1b[0m" }
	require.Equal(t, "the "+bold("house")+" & <b>", app.Snippet("the <mark>house</mark> &amp; &lt;b&gt;"))
	require.Equal(t, bold("a")+" [31m", app.Snippet("<mark>a</mark>\x1b[31m"))
	require.Equal(t, bold("open"), app.Snippet("<mark>open"))
}

func TestExampleQuery_TakesAHeadingOrALongWord(t *testing.T) {
	t.Parallel()
	require.Equal(t, "Restore a backup", app.QueryFrom("Intro\n\n## Restore a backup ##\n\ntext"))
	require.Equal(t, "reasonable", app.QueryFrom("a reasonable text"))
	require.Empty(t, app.QueryFrom("1 2 3", ""))
	require.Empty(t, app.QueryFrom())
}

func TestCollectionNameFor_IsANameThatTheServerTakes(t *testing.T) {
	t.Parallel()
	for folder, want := range map[string]string{
		"/usr/share/doc": "doc", "/": "files", "/a/b:c*d": "b-c-d", "/x/日本": "日本", "/x/bad\xff": "bad", "/x/  ": "files",
	} {
		require.Equal(t, want, app.CollectionNameFor(folder), folder)
	}
}

func TestQuoted_IsOneWordForAShell(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"plain-1.txt": "plain-1.txt", "": "''", "two words": "'two words'", "it's": `'it'\''s'`, "$(rm)": "'$(rm)'"} {
		require.Equal(t, want, app.Quoted(word))
	}
}
