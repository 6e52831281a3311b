package web

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

type tree struct {
	Leaves   []string `json:"leaves"`
	Children []*tree  `json:"children"`
	Next     *tree    `json:"next,omitempty"`
}

type embedded struct {
	Inner []int `json:"inner"`
}

func TestFiller(t *testing.T) {
	t.Parallel()
	text := "x"
	shared := []string(nil)
	for name, c := range map[string]struct {
		value any
		want  string
	}{
		"nil":                         {nil, `null`},
		"a scalar":                    {7, `7`},
		"a nil list":                  {[]string(nil), `[]`},
		"a list of nil lists":         {[][]int{nil, {1}}, `[[],[1]]`},
		"bytes":                       {[]byte(nil), `null`},
		"raw JSON":                    {struct{ A json.RawMessage }{}, `{"A":null}`},
		"a pointer to a list":         {struct{ A, B *[]string }{B: &shared}, `{"A":null,"B":null}`},
		"a nil pointer":               {struct{ A *tree }{}, `{"A":null}`},
		"a type that contains itself": {tree{Children: []*tree{{}, nil}, Next: &tree{Leaves: []string{"a"}}}, `{"leaves":[],"children":[{"leaves":[],"children":[]},null],"next":{"leaves":["a"],"children":[]}}`},
		"embedded":                    {struct{ embedded }{}, `{"inner":[]}`},
		"embedded and exported":       {struct{ PageInfo }{}, `{"total":0,"page":0,"per_page":0}`},
		"a pointer to a struct":       {&tree{}, `{"leaves":[],"children":[]}`},
		"what is not written": {struct {
			A []string `json:"-"`
			B []string `json:"b,omitempty"`
			c []string
		}{}, `{}`},
		"any is left alone":      {struct{ A any }{[]string(nil)}, `{"A":null}`},
		"a map is left alone":    {map[string][]string{"a": nil}, `{"a":null}`},
		"a scalar by a pointer":  {struct{ A *string }{&text}, `{"A":"x"}`},
		"an array":               {[2][]int{}, `[[],[]]`},
		"a time marshals itself": {struct{ A Time }{}, `{"A":"0001-01-01T00:00:00.000000Z"}`},
	} {
		f := &filler{}
		for range 2 { // the second time from the plan that is kept
			data, err := json.Marshal(f.value(c.value))
			require.NoError(t, err)
			require.JSONEq(t, c.want, string(data), name)
		}
	}
}

func TestFiller_doesNotChangeTheOutermostValue(t *testing.T) {
	t.Parallel()
	original := tree{}
	_ = (&filler{}).value(original)
	require.Nil(t, original.Leaves)
}
