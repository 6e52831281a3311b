package database_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/database"
)

func TestObjectProblem(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"":                      "",
		" null ":                "",
		`{"a":1}`:               "",
		`{"a":"\\u0000"}`:       "",
		`{"a":"\\\\u0000"}`:     "",
		`{"a":"\u0000"}`:        "may not contain NUL characters",
		`{"a":"\\\u0000"}`:      "may not contain NUL characters",
		`[1]`:                   "must be a JSON object",
		`"x"`:                   "must be a JSON object",
		`{"a":`:                 "must be a JSON object",
		`{"a":"0123456789012"}`: "may be at most 20 bytes long as JSON",
	} {
		require.Equal(t, problem, database.ObjectProblem([]byte(text), 20), text)
	}
}
