package users_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
	"semantik/testworld"
)

// What it costs a request to say who asks: one statement either way.
func BenchmarkAuthenticate(b *testing.B) {
	w := testworld.New(b, testworld.NoWorker())
	alice := w.User("alice")
	// Others' keys and accounts, for the indexes to have something to find among.
	w.Exec(`insert into users (username, email, hashed_password) select 'user_' || n, 'u' || n || '@example.com', '-' from generate_series(1, 10000) n`)
	w.Exec(`insert into api_keys (user_id, name, prefix, key_hash) select id, 'k', 'smtk_00000000', lpad(to_hex(id), 64, '0') from users`)
	w.Exec(`analyze users, api_keys`)
	for name, token := range map[string]string{"API key": w.Key(alice, nil, auth.ScopeRead), "JWT": w.Token(alice)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := w.Users.Authenticate(b.Context(), token)
				require.NoError(b, err)
			}
		})
	}
	b.Run("malformed key", func(b *testing.B) {
		for b.Loop() {
			_, err := w.Users.Authenticate(b.Context(), "smtk_no key of ours")
			require.Error(b, err)
		}
	})
	b.Run("select 1", func(b *testing.B) {
		for b.Loop() {
			var one int
			require.NoError(b, w.DB.Querier(b.Context()).QueryRow(b.Context(), "select 1").Scan(&one))
		}
	})
}
