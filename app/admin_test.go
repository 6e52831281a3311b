package app_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

func TestServe_RefusesAFirstSuperuserWhomAnybodyCouldBe(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ user, password, told string }{
		"a common password":           {"admin", "password123", "SEMANTIK_ADMIN_PASSWORD is one of those that are tried first"},
		"the address as password":     {"admin", "admin@localhost", "SEMANTIK_ADMIN_PASSWORD must not be the user name"},
		"a name that means something": {"operator", "correct horse", "SEMANTIK_ADMIN_USER is reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := command(t, home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_USER="+c.user, "SEMANTIK_ADMIN_PASSWORD="+c.password), "", "serve")
			require.Equal(t, 1, r.code)
			require.Contains(t, r.stderr, c.told)
			require.NotContains(t, r.stderr, "password123")
		})
	}
}
