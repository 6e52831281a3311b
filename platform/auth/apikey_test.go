package auth_test

import (
	"regexp"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
)

var apiKeyForm = regexp.MustCompile(`\Asmtk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}\z`)

// What is looked up has the form of a key, to the last character, and what has that
// form is no JSON Web Token.
func FuzzHashAPIKey(f *testing.F) {
	good, prefix, _ := auth.GenerateAPIKey(uuid.New())
	for _, seed := range []string{
		good, prefix, "", "smtk_", "smtk__", good + "A", good[1:], good + "\n", "smtk_0123456g_", "a.b.c", "eyJ.eyJ.x",
		"smtk_00000000__________________________________________ _", "smtk_00000000_éééééééééééééééééééééé",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, token string) {
		hash, ok := auth.HashAPIKey(token)
		require.Equal(t, apiKeyForm.MatchString(token), ok)
		if !ok {
			require.Empty(t, hash)
			return
		}
		require.Equal(t, auth.HashToken(token), hash)
		require.False(t, auth.IsJWT(token))
	})
}
