package database_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/database"
)

func TestObjectProblem(t *testing.T) {
	t.Parallel()
	for text, problem := range map[string]string{
		"":                                    "",
		" null ":                              "",
		`{"a":1}`:                             "",
		`{"a":"\\u0000"}`:                     "",
		`{"a":"\\\\u0000"}`:                   "",
		`{"a":"\u0000"}`:                      "may not contain NUL characters",
		`{"a":"\\\u0000"}`:                    "may not contain NUL characters",
		`[1]`:                                 "must be a JSON object",
		`"x"`:                                 "must be a JSON object",
		`{"a":`:                               "must be a JSON object",
		`{"a":"0123456789012"}`:               "may be at most 20 bytes long as JSON",
		"{ \"a\" :\t[ 1, 2,\r\n3 ]\n}       ": "",
		`{"a":"12 45\\ \" 01"}`:               "may be at most 20 bytes long as JSON",
		`{"a":"12 45\\ \" "}`:                 "",
	} {
		require.Equal(t, problem, database.ObjectProblem([]byte(text), 20), text)
	}
}

// Nine bytes in are a hundred and thirty thousand out, if nobody counts.
func TestObjectProblem_NumbersThatGrow(t *testing.T) {
	t.Parallel()
	const double = "may only contain numbers that fit into a double, from 1e-308 to 1e308"
	for text, problem := range map[string]string{
		`{"a":1e15}`:              "",
		`{"a":[1E+10,-1e-10]}`:    "may be at most 30 bytes long as JSON, with its numbers written without exponents",
		`{"a":1e308}`:             "may be at most 30 bytes long as JSON, with its numbers written without exponents",
		`{"a":"1e400"}`:           "",
		`{"a":1e309}`:             double,
		`{"a":-1e400}`:            double,
		`{"a":{"b":[1e-309]}}`:    double,
		`{"a":0e99999999999999}`:  double,
		`{"a":1e131071}`:          double,
		`{"a":0.1234567890123}`:   "",
		`{"a":12345678901234567}`: "",
	} {
		require.Equal(t, problem, database.ObjectProblem([]byte(text), 30), text)
	}
	require.Empty(t, database.ObjectProblem([]byte(`{"a":1e308}`), 400))
}

// PostgreSQL has room for no more digits after the point, wherever the exponent puts it.
func TestObjectProblem_NumbersWithManyDecimals(t *testing.T) {
	t.Parallel()
	const decimals = "may only contain numbers with at most 16383 decimals"
	for text, problem := range map[string]string{
		`{"a":0.` + strings.Repeat("1", 16_383) + `}`:          "",
		`{"a":0.` + strings.Repeat("1", 16_384) + `}`:          decimals,
		`{"a":-0.` + strings.Repeat("1", 16_384) + `e1}`:       "",
		`{"a":[0.` + strings.Repeat("1", 16_380) + `e-4]}`:     decimals,
		`{"a":{"b":0.` + strings.Repeat("1", 16_380) + `e-3}}`: "",
	} {
		require.Equal(t, problem, database.ObjectProblem([]byte(text), 64<<10), "%.10s… of %d", text, len(text))
	}
}
