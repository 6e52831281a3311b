package schema_test

import (
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

func TestSearch_finds_inflected_words_in_German_and_English(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newSchema(t, s)
		for _, c := range []struct {
			content, query string
			found          bool
		}{
			{"Viele schöne Häuser standen am Meer.", "Haus", true},
			{"Ein Haus am Meer.", "Häuser", true},
			{"Viele schöne Häuser standen am Meer.", "das schöne Haus", true},
			{"She was running along the beach.", "run", true},
			{"Go for a run.", "running", true},
			{"The databases were restored.", "restore a database", true},
			{"Die Datenbanken wurden wiederhergestellt.", "Datenbank", true},
			{"STRASSE", "straße", true},
			{"TCP/IP is a protocol suite.", "TCP", true},
			{"List<String> names", "string", true},
			{"Write to max@example.org today.", "max@example.org", true},
			{"Write to max@example.org today.", "max", true},
			{"See https://example.org/a/path?x=1 for more.", "example.org/a/path", true},
			{"snake_case_name", "case", true},
			{"well-known", "known", true},
			{"version 1.2.3 is out", "1.2.3", true},
			{"A house by the sea.", "Haus", false},
			{"Ein Hund.", "Katze", false},
		} {
			require.Equal(t, c.found, queryOne[bool](t, pool,
				"select chunk_search_vector($1) @@ chunk_search_query_all($2)", c.content, c.query), "%q in %q", c.query, c.content)
		}
	})
}

func TestSearch_keeps_positions_so_that_phrases_of_mixed_stems_hold(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	require.ElementsMatch(t, []string{"schöne:1", "schon:1", "häuser:2", "haus:2", "running:3", "run:3"},
		lexemes(t, pool, "schöne Häuser running"))
	// A word with one stem in both languages counts once.
	require.Equal(t, []string{"hotel:1,2"}, lexemes(t, pool, "Hotel Hotel")) //nolint:dupword // on purpose
	require.True(t, queryOne[bool](t, pool, "select chunk_search_vector('schöne Häuser') @@ phraseto_tsquery('german', 'schönes Haus')"))
}

func lexemes(t *testing.T, pool *pgxpool.Pool, content string) []string {
	t.Helper()
	return queryOne[[]string](t, pool,
		"select array_agg(lexeme || ':' || array_to_string(positions, ',')) from unnest(chunk_search_vector($1))", content)
}

func TestSearch_reads_a_query_as_its_telling_words(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newSchema(t, s)
		for query, want := range map[string][2]string{
			"running dogs":       {"'dog' & ( 'run' | 'running' )", "'dog' | 'run' | 'running'"},
			"the cold war":       {"'cold' & 'war'", "'cold' | 'war'"},
			"cold war":           {"'cold' & 'war'", "'cold' | 'war'"},
			"wie war der Krieg":  {"'krieg'", "'krieg'"},
			"MIT license":        {"'licens' & 'mit'", "'licens' | 'mit'"},
			"die":                {"'die'", "'die'"}, // nothing else is left
			"Haus haus HAUS":     {"'haus'", "'haus'"},
			"it's":               {"'it' & 's'", "'it' | 's'"},
			"":                   {"", ""},
			" \t\n":              {"", ""},
			"in":                 {"", ""}, // a stop word in both languages
			"'\"()&|!<->:*\\ ":   {"", ""},
			"a & !b | (c":        {"'b' & 'c'", "'b' | 'c'"},
			"hund:* <2> katze:A": {"'2' & 'hund' & 'katz'", "'2' | 'hund' | 'katz'"},
			`x\'y`:               {"'x' & 'y'", "'x' | 'y'"},
			"<b>bold</b> &amp;":  {"'b' & 'bold'", "'b' | 'bold'"},
		} {
			require.Equal(t, want[0], queryOne[string](t, pool, "select chunk_search_query_all($1)::text", query), "all of %q", query)
			require.Equal(t, want[1], queryOne[string](t, pool, "select chunk_search_query_any($1)::text", query), "any of %q", query)
		}
		require.Nil(t, queryOne[*string](t, pool, "select chunk_search_query_all(null)::text"))
	})
}

func TestSearch_query_survives_hostile_input(t *testing.T) {
	t.Parallel()
	onEachServer(t, func(t *testing.T, s server) {
		pool := newSchema(t, s)
		hostile := []string{
			strings.Repeat("x", 1000),
			strings.Repeat("界", 1000), // 3,000 bytes in a word; a query's may have 2,046
			strings.Repeat(`'\ `, 333),
			strings.Repeat("a ", 500),
			strings.Repeat("(", 1000),
			strings.Repeat("~/", 500),
			strings.Repeat("a_", 500),
			strings.Repeat("the ", 250),
			strings.Repeat("<!--", 250),
			"\u202e\u200b\ufeff \U0010ffff",
			"İIıi ẞß ﬀ Ⱥ",
			"$1 %s {} ; drop table users; --",
		}
		for r := rune(1); r < 0x250; r++ {
			hostile = append(hostile, "a"+string(r)+"b "+string(r))
		}
		for _, query := range hostile {
			for _, function := range []string{"chunk_search_query_all", "chunk_search_query_any"} {
				_, err := pool.Exec(t.Context(), "select $1::text @@ to_tsquery('simple', 'x'), "+function+"($1)", query)
				require.NoError(t, err, "%q", query)
			}
		}
		require.Empty(t, queryOne[string](t, pool, "select chunk_search_query_all($1)::text", strings.Repeat("界", 1000)))
	})
}

func TestSearch_vector_survives_hostile_content_in_time(t *testing.T) {
	t.Parallel()
	const length = 1_000_000
	// Distinct words of one letter beyond the basic plane: as many bytes of
	// vector for a character as there can be, with an umlaut so that the stems
	// differ.
	distinct := func(format string) string {
		var b strings.Builder
		for r := rune(0x20000); b.Len() < 4*length && r < 0x2a6d0; r++ {
			b.WriteString(strings.ReplaceAll(format, "x", string(r)))
		}
		return b.String()
	}
	var pairs strings.Builder
	for i := 0; pairs.Len() < 9*length/4; i++ {
		pairs.WriteString("ä" + string(rune(0x20000+i%0xa000)) + string(rune(0x20000+i/7)) + " ")
	}
	contents := map[string]string{
		"more than a vector holds":     pairs.String(),
		"empty":                        "",
		"one long word":                strings.Repeat("x", length),
		"long words":                   strings.Repeat(strings.Repeat("y", 2045)+" ", length/2046),
		"words too long to be indexed": strings.Repeat(strings.Repeat("z", 3000)+" ", length/3001),
		"many distinct words":          distinct("x "),
		"many distinct words twice":    distinct("äx "),
		"many distinct compounds":      distinct("x-ä "),
		"one word again and again":     strings.Repeat("a ", length/2),
		"quotes and backslashes":       strings.Repeat(`'\`, length/2),
		"control characters":           strings.Repeat("\x01\x02 \x7f", length/4),
	}
	for _, unit := range []string{"~/", "a_", "_1", "/.", "<!--", "a@1", "1-a-", "a.", "a/", "&#1", "<a ", "http://a", "1e", "-1", "a1.b2/", "a:8/"} {
		contents["runs of "+unit] = strings.Repeat(unit, length/len(unit))
	}
	onEachServer(t, func(t *testing.T, s server) {
		w := newWorld(t, newSchema(t, s))
		for name, content := range contents {
			start := time.Now()
			id := queryOne[int64](t, w.pool, `
				insert into chunk_search (chunk_id, collection_id, partition_key, search)
				values ((select count(*) from chunk_search where partition_key = $2), $1, $2, chunk_search_vector($3))
				returning chunk_id`, w.collection, w.key, content)
			require.Less(t, time.Since(start), 20*time.Second, "%s: it must not take time with the square of the length", name)
			size := queryOne[int](t, w.pool, "select coalesce(length(search), 0) from chunk_search where chunk_id = $1 and partition_key = $2", id, w.key)
			t.Logf("%-30s %8d characters, %6d lexemes, %v", name, len([]rune(content)), size, time.Since(start).Round(time.Millisecond))
			require.Len(t, []rune(queryOne[string](t, w.pool, "select chunk_search_text($1)", content)), len([]rune(content)), "offsets hold")
		}
	})
}

func TestSearch_vector_of_long_prose_is_whole(t *testing.T) {
	t.Parallel()
	pool := newSchema(t, servers[0])
	// Pieces are cut at spaces, so that no word is lost where they meet.
	var b strings.Builder
	for b.Len() < 400_000 {
		b.WriteString("Lorem ipsum dolor sit amet, consetetur sadipscing elitr, sed diam nonumy eirmod. ")
	}
	b.WriteString("Schlusswort")
	require.True(t, queryOne[bool](t, pool, "select chunk_search_vector($1) @@ chunk_search_query_all('schlusswort')", b.String()))
	require.Equal(t, 15, queryOne[int](t, pool, `
		select count(distinct regexp_replace(lexeme, '(en|et|ur|ing|r|m|t|d)$', '')) from unnest(chunk_search_vector($1))`, b.String()),
		"no word is torn apart")
}
