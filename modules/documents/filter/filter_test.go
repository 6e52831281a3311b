package filter_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/documents/filter"
)

func TestParse_NothingHoldsForEverything(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", " ", "null", "{}", " { } "} {
		f, err := filter.Parse(json.RawMessage(raw))
		require.NoError(t, err)
		require.True(t, f.Empty())
	}
}

func TestParse_NamesAreQuotedAndValuesStandBeside(t *testing.T) {
	t.Parallel()
	f, err := filter.Parse(json.RawMessage(`{"a\" ? (true)": "x\" || 1 == 1", "n": {"$gte": 1.50, "$lt": 2}, "o": {"p": [true, null]}}`))
	require.NoError(t, err)
	require.Equal(t, `exists($."a\" ? (true)" ? (@ == $v0)) && exists($."n" ? (@ >= $v1 && @ < $v2)) && exists($."o"."p" ? (@ == $v3[*]))`, f.Path)
	require.JSONEq(t, `{"v0": "x\" || 1 == 1", "v1": 1.50, "v2": 2, "v3": [true, null]}`, string(f.Vars))
	require.Contains(t, string(f.Vars), "1.50", "a number keeps its digits")
}

func TestParse_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	many := `{"a": [` + strings.Repeat("1,", filter.MaxValues) + `1]}`
	lists := `{"a": [` + strings.Repeat("1,", filter.MaxValues-1) + `1], "b": {"nin": [` + strings.Repeat("1,", filter.MaxValues-1) + `1]}, "c": {"any": [1]}}`
	all := `{"a": {"all": [` + strings.Repeat("1,", filter.MaxConditions) + `1]}}`
	deep := strings.Repeat(`{"a":`, filter.MaxDepth+1) + "1" + strings.Repeat("}", filter.MaxDepth+1)
	var wide []string
	for i := range filter.MaxConditions + 1 {
		wide = append(wide, `"`+strings.Repeat("a", i+1)+`": 1`)
	}
	for raw, says := range map[string]string{
		`[]`:                                "must be a JSON object",
		`"a"`:                               "must be a JSON object",
		`{"a": 1`:                           "must be a JSON object",
		`{"a": "\u0000"}`:                   "NUL",
		`{"a": 1e999}`:                      "double",
		`{"$or": []}`:                       `"$or" stands where a member`,
		`{"a": {"$regex": "x"}}`:            `"$regex" of "a" is no operator; there are $eq, $ne, $gt`,
		`{"a": {"$gt": 1, "b": 2}}`:         "mixes operators and members",
		`{"a": {}}`:                         "nothing is asked",
		`{"a": {"b": {"$gt": true}}}`:       `$gt of "a.b" must be a number or a string`,
		`{"a": {"gt": true}}`:               `gt of "a" must be a number or a string`,
		`{"a": {"gte": 1, "$lt": "b"}}`:     "nothing is both",
		`{"a": {"any": []}}`:                "must list at least one value",
		`{"a": {"$all": []}}`:               "must list at least one value",
		`{"a": {"all": "x"}}`:               "must be a list",
		`{"a": {"any": [{"b": 1}]}}`:        "must be strings",
		`{"a": {"regex": "x"}}`:             `"regex" of "a" is no operator; there are $eq`,
		`{"a": {"OR": [1]}}`:                `a member whose name is that of an operator`,
		`{"a": {"$GTE": 1}}`:                `"$GTE" of "a" is no operator`,
		`{"a": {"$$gte": 1}}`:               `"$$gte" of "a" is no operator`,
		`{"a": {"$": 1}}`:                   `"$" of "a" is no operator`,
		`{"a": {"gt": 1, "b": 2}}`:          "mixes operators and members",
		`{"a": {"$eq": 1, "in": {"b": 2}}}`: "mixes operators and members",
		`{"a": {"$in": 1}}`:                 "must be a list",
		`{"a": [[1]]}`:                      "must be strings",
		`{"a": {"$eq": {"b": 1}}}`:          "must be a string, a number",
		`{"a": {"$exists": 1}}`:             "must be true or false",
		many:                                "more than 256 values",
		lists:                               "more than 512 values together",
		all:                                 "more than 64 conditions",
		deep:                                "deeper than 8",
		"{" + strings.Join(wide, ",") + "}": "more than 64 conditions",
		`{"a": "` + strings.Repeat("x", filter.MaxBytes) + `"}`: "bytes",
	} {
		_, err := filter.Parse(json.RawMessage(raw))
		require.ErrorContains(t, err, says, "%.80s", raw)
	}
}

func TestParse_AWordWithoutADollarIsTheOperator(t *testing.T) {
	t.Parallel()
	for bare, marked := range map[string]string{
		`{"a": {"gte": 1, "lt": 2}}`:             `{"a": {"$gte": 1, "$lt": 2}}`,
		`{"a": {"ne": "x", "exists": true}}`:     `{"a": {"$ne": "x", "$exists": true}}`,
		`{"a": {"in": [1, 2]}}`:                  `{"a": {"$in": [1, 2]}}`,
		`{"a": {"nin": [1]}}`:                    `{"a": {"$nin": [1]}}`,
		`{"a": {"any": [1, 2]}}`:                 `{"a": {"$in": [1, 2]}}`,
		`{"a": {"all": [1]}}`:                    `{"a": {"$all": [1]}}`,
		`{"a": {"b": {"eq": 1}}}`:                `{"a": {"b": 1}}`,
		`{"a": {"$lte": 1, "gt": 0}}`:            `{"a": {"$gt": 0, "$lte": 1}}`,
		`{"gte": 1, "any": ["x"]}`:               `{"any": {"$in": ["x"]}, "gte": {"$eq": 1}}`,
		`{"author":"x", "tags": {"any": ["a"]}}`: `{"author": {"$eq": "x"}, "tags": {"$in": ["a"]}}`,
	} {
		a, err := filter.Parse(json.RawMessage(bare))
		require.NoError(t, err, bare)
		b, err := filter.Parse(json.RawMessage(marked))
		require.NoError(t, err, marked)
		require.Equal(t, sorted(b.Path), sorted(a.Path), bare)
		require.Len(t, string(a.Vars), len(b.Vars))
	}
}

// sorted takes the order of conditions, and the numbers of variables, out of a path.
func sorted(path string) []string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return strings.ContainsRune("&() 0123456789", r) })
	slices.Sort(parts)
	return parts
}

func TestParse_AnOperatorsWordWithAnObjectBehindItIsAMember(t *testing.T) {
	t.Parallel()
	for raw, path := range map[string]string{
		`{"author": {"name": "Ada"}}`:                `exists($."author"."name" ? (@ == $v0))`,
		`{"range": {"in": {"eq": 5}}}`:               `exists($."range"."in" ? (@ == $v0))`,
		`{"range": {"in": {"any": {"b": 5}}}}`:       `exists($."range"."in"."any"."b" ? (@ == $v0))`,
		`{"range": {"not": {"eq": 5}}}`:              `exists($."range"."not" ? (@ == $v0))`,
		`{"range": {"in": {"gt": 1}, "other": "x"}}`: `exists($."range"."in" ? (@ > $v0)) && exists($."range"."other" ? (@ == $v1))`,
		`{"GTE": {"Eq": 5}}`:                         `exists($."GTE"."Eq" ? (@ == $v0))`,
	} {
		f, err := filter.Parse(json.RawMessage(raw))
		require.NoError(t, err, raw)
		require.Equal(t, path, f.Path, raw)
	}
}

// A variable for each value is looked up for each value: with 250 of them, and 200,000
// documents, that took 14 s in place of 1.
func TestParse_AListIsOneVariable(t *testing.T) {
	t.Parallel()
	f, err := filter.Parse(json.RawMessage(`{"a": {"nin": ["x", 1, null]}, "b": {"any": ["y"], "ne": "z"}, "c": []}`))
	require.NoError(t, err)
	require.Equal(t, `!exists($."a" ? (@ == $v0[*])) && !exists($."b" ? (@ == $v2)) && exists($."b" ? (@ == $v1[*])) && exists($."c" ? (1 == 0))`, f.Path)
	require.JSONEq(t, `{"v0": ["x", 1, null], "v1": ["y"], "v2": "z"}`, string(f.Vars))
}

func TestParse_AllAsksForEachValueByItself(t *testing.T) {
	t.Parallel()
	f, err := filter.Parse(json.RawMessage(`{"tags": {"all": ["a", "b"], "ne": "c"}}`))
	require.NoError(t, err)
	require.Equal(t, `exists($."tags" ? (@ == $v0)) && exists($."tags" ? (@ == $v1)) && !exists($."tags" ? (@ == $v2))`, f.Path)
}

func FuzzParse_IsDeterministicAndBounded(f *testing.F) {
	for _, seed := range []string{`{"a": 1}`, `{"a": {"$gt": "x", "$ne": null}}`, `{"\ud800": {"": [1, "\""]}}`, `{"a": {"b": {"$exists": false}}}`, `{"a": {"$in": []}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		parsed, err := filter.Parse(json.RawMessage(raw))
		if err != nil {
			return
		}
		again, err := filter.Parse(json.RawMessage(raw))
		require.NoError(t, err)
		require.Equal(t, parsed, again)
		if parsed.Empty() {
			return
		}
		require.True(t, json.Valid(parsed.Vars))
		require.Less(t, len(parsed.Path), 100*filter.MaxBytes)
		// Outside of the quoted names there is nothing but what this package writes.
		rest := outside(parsed.Path)
		require.Regexp(t, `^[ $.?()@=<>!&|*a-z0-9\[\]]*$`, rest)
	})
}

// outside leaves the quoted strings out.
func outside(path string) string {
	var b strings.Builder
	quoted := false
	for i := 0; i < len(path); i++ {
		switch {
		case quoted && path[i] == '\\':
			i++
		case path[i] == '"':
			quoted = !quoted
		case !quoted:
			b.WriteByte(path[i])
		}
	}
	return b.String()
}
