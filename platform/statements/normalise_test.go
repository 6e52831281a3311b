package statements_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"semantik/platform/statements"
)

func TestNormalise_LeavesNoValueAndKeepsWhatTheStatementIs(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		"select * from t where id = $1 and n = 42":  "select * from t where id = $1 and n = ?",
		"select 'it''s', E'a\\'b', e'\\\\', 1.5e3":  "select ?, E?, e?, ?",
		"alter role r password 'hunter2":            "alter role r password ?",
		"select $$body; 'x'$$, $tag$ $$ 7 $tag$, 1": "select ?, ?, ?",
		"select $tag$ without an end 'secret'":      "select ?",
		"select t1.c2, x_9 from chunks_p71":         "select t1.c2, x_9 from chunks_p71",
		"select \"Name 7\" -- 'secret'\n  , 2":      "select \"Name 7\" , ?",
		"/* 'secret' */ select\n\t 1":               "select ?",
		"select 1 /* without an end 'secret'":       "select ?",
		"select \"without an end":                   "select ?",
		"select $1$2":                               "select $1$2",
		"select -5, 0x1F, 1_000":                    "select -?, ?, ?",
		"select 'a\\', 'secret'":                    "select ?, ?",
		"":                                          "",
		"'":                                         "?",
	} {
		require.Equal(t, want, statements.Normalise(sql), sql)
	}
	long := statements.Normalise("select " + strings.Repeat("spalteß, ", 5000))
	require.Less(t, len(long), 4100)
	require.True(t, utf8.ValidString(long))
}

func FuzzNormalise_AStringIsMaskedWhateverIsInIt(f *testing.F) {
	f.Add("x' from \"y\" where $1 = $$z$$ -- w")
	f.Add(`\`)
	f.Fuzz(func(t *testing.T, text string) {
		require.LessOrEqual(t, len(statements.Normalise(text)), 4010)
		require.Equal(t, "select ?, a", statements.Normalise("select '"+strings.ReplaceAll(text, "'", "''")+"', a"))
	})
}
