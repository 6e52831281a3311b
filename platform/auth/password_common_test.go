package auth_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
)

func TestIsCommonPassword(t *testing.T) {
	t.Parallel()
	for _, common := range []string{
		"password", "PASSWORD", "Passw0rd", "12345678", "1234567890", "qwertyuiop", "iloveyou", "trustno1", "letmein1",
		"password1", "password123", "Password!", "password2024", "admin123", "dragon!!", "Qwerty12",
		"aaaaaaaa", "abababab", "........", strings.Repeat("x", 4096), "",
	} {
		require.True(t, auth.IsCommonPassword(common), common)
	}
	for _, good := range []string{
		"correct horse battery", "correct horse battery staple", "q59CI-8scNqMbJxKpJTYbKMd8Vy4", "password in the attic", "mypassword is long",
		"Tr0ub4dor&3", "überraschend", "密码是一个秘密的词", "password1234567", strings.Repeat("abc", 2000),
	} {
		require.False(t, auth.IsCommonPassword(good), good)
	}
}

func TestGeneratePassword_nobodyGuessesIt(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		password := auth.GeneratePassword()
		require.Regexp(t, `^[a-z2-7]{26}$`, password)
		require.False(t, auth.IsCommonPassword(password))
		require.False(t, seen[password])
		seen[password] = true
	}
}
