package web_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/apperr"
	"semantik/platform/web"
)

func TestCheckJSON(t *testing.T) {
	t.Parallel()
	many := func(format string) string {
		var b strings.Builder
		for i := range 2000 {
			fmt.Fprintf(&b, format+",", i)
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"nothing":                                    "",
		"scalars":                                    `[1, "a", true, null, 1e5]`,
		"names that differ":                          `{"a":1,"b":{"a":1,"b":{"a":1}},"c":[{"a":1},{"a":1}]}`,
		"a name that is also a value":                `{"a":"b","b":"a","c":["a","a"]}`,
		"case matters where it is free-form":         `{"metadata":{"Key":1,"key":2}}`,
		"and deeper in a row":                        `{"rows":[{"metadata":{"Key":1,"key":2}}]}`,
		"a pair":                                     `{"a":"\ud83d\ude00","b":"\u00fc \\ud83d"}`,
		"quotes and braces in strings":               `{"a":"{\"b\":1,\"b\":2}","c":"]}\\"}`,
		"as deep as is allowed":                      strings.Repeat("[", 100) + strings.Repeat("]", 100),
		"wide is not deep":                           strings.Repeat(`[[]],`, 1000),
		"many names":                                 `{` + many(`"k%d":1`) + `"x":1}`,
		"an empty name":                              `{"":1,"a":2}`,
		"what is not JSON is left to the decoder":    `}}]]{"a:`,
		"a string without end":                       `{"a":"\`,
		"a bad escape, which is left to the decoder": `{"a":"\uzzzz\u12"}`,
	} {
		require.NoError(t, web.CheckJSON([]byte(text)), name)
	}
	for name, text := range map[string]string{
		"invalid UTF-8":                      "\"\xff\"",
		"half a pair":                        `"\ud83d"`,
		"the other half":                     `"\ude00"`,
		"two first halves":                   `"\ud83d\ud83d"`,
		"half a pair in a name":              `{"\ud83d":1}`,
		"half a pair and a text":             `"\ud83dxxxxxx"`,
		"half a pair at the very end":        `"\ud83d`,
		"a name twice":                       `{"a":1,"a":2}`,
		"a name twice, far inside":           `{"m":{"x":[{"y":{"a":1,"b":2,"a":3}}]}}`,
		"an escaped name":                    `{"m":{"abc":1,"a\u0062c":2}}`,
		"case in the outermost object":       `{"name":1,"Name":2}`,
		"case in an object of a list":        `{"rows":[{"content":1,"CONTENT":2}]}`,
		"case in an object of the list":      `[{"content":1,"CONTENT":2}]`,
		"case as Unicode sees it":            `{"k":1,"` + "\u212a" + `":2}`,
		"an empty name twice":                `{"":1,"":2}`,
		"among many names":                   `{` + many(`"k%d":1`) + `"k7":1}`,
		"among many names, in another case":  `{` + many(`"k%d":1`) + `"K7":1}`,
		"among many names, far inside":       `{"m":{` + many(`"k%d":1`) + `"k7":1}}`,
		"too deep":                           strings.Repeat("[", 101),
		"too deep behind something harmless": `[[],[],` + strings.Repeat(`{"a":`, 100),
	} {
		err := web.CheckJSON([]byte(text))
		require.Equal(t, apperr.Malformed, apperr.KindOf(err), name)
		require.Equal(t, "malformed_json", apperr.CodeOf(err), name)
	}
}

// In what the check lets through and the decoder reads, no character has become a
// replacement character that was not there.
func FuzzCheckJSON(f *testing.F) {
	for _, seed := range []string{`{"a":[1,{"b":"\ud83d\ude00"}]}`, `{"a":1,"A":2}`, "\"\xff\"", `"\ud83d"`, `[[[`, `{"":{}}`, "{\"\\", "[{\"a\":{}},{\"a\":[]}]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		err := web.CheckJSON(data)
		var decoded any
		if err != nil || json.Unmarshal(data, &decoded) != nil || !contains(decoded, "\uFFFD") {
			return
		}
		text := strings.ToLower(string(data))
		require.True(t, strings.Contains(text, "\uFFFD") || strings.Contains(text, `\ufffd`), "%q", data)
	})
}

func contains(v any, part string) bool {
	switch v := v.(type) {
	case string:
		return strings.Contains(v, part)
	case []any:
		for _, item := range v {
			if contains(item, part) {
				return true
			}
		}
	case map[string]any:
		for name, item := range v {
			if strings.Contains(name, part) || contains(item, part) {
				return true
			}
		}
	}
	return false
}

func BenchmarkCheckJSON(b *testing.B) {
	row := `{"document_id":"0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a","chunk_index":1,"content":"` + strings.Repeat("text ", 200) + `","metadata":{"a":1}},`
	data := []byte(`{"chunks":[` + strings.TrimSuffix(strings.Repeat(row, 1000), ",") + `]}`)
	b.Run("check", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		b.ReportAllocs()
		for b.Loop() {
			require.NoError(b, web.CheckJSON(data))
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(len(data)))
		for b.Loop() {
			var v any
			require.NoError(b, json.Unmarshal(data, &v))
		}
	})
}
