package app_test

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

type accountList struct {
	Users []account `json:"users"`
	Total int       `json:"total"`
}

type account struct {
	Username    string `json:"username"`
	Email       string `json:"email"`
	IsActive    bool   `json:"is_active"`
	IsSuperuser bool   `json:"is_superuser"`
	Password    string `json:"password"`
}

// office is where an operator works on accounts.
type office struct {
	database string
	environ  []string
	// chief is the password of the first superuser, who is called so.
	chief string
}

func newOffice(t *testing.T, database string) office {
	t.Helper()
	o := office{database: database}
	o.environ = home(t, "DATABASE_URL="+o.database)
	first := o.ok(t, "", "create", "chief", "--generate")
	o.chief = strings.TrimSpace(first.stdout)
	require.Len(t, o.chief, 26, "the password is alone on standard output: %q", first.stdout)
	require.Contains(t, first.stderr, "superuser", "the first of all")
	return o
}

func (o office) run(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	return command(t, o.environ, stdin, append([]string{"users"}, args...)...)
}

func (o office) ok(t *testing.T, stdin string, args ...string) ran {
	t.Helper()
	r := o.run(t, stdin, args...)
	require.Equal(t, 0, r.code, r.stderr)
	return r
}

func TestUsers_AreMadeOnTheDatabaseItself(t *testing.T) {
	t.Parallel()
	o := newOffice(t, pgtest.Empty(t))
	bob := decode[account](t, o.ok(t, "correct horse\n", "create", "bob", "--email", "bob@example.com", "--full-name", "Bob Ross", "--password-stdin", "--json"))
	require.Equal(t, account{Username: "bob", Email: "bob@example.com", IsActive: true}, bob, "no password is printed that somebody has given")
	carol := decode[account](t, o.ok(t, "", "create", "carol", "--superuser", "--generate", "--json"))
	require.True(t, carol.IsSuperuser)
	require.Len(t, carol.Password, 26)

	list := decode[accountList](t, o.ok(t, "", "list", "--json"))
	require.Equal(t, 3, list.Total)
	require.Equal(t, "bob", list.Users[0].Username)
	require.Equal(t, 1, decode[accountList](t, o.ok(t, "", "list", "--query", "example.com", "--json")).Total)
	table := o.ok(t, "", "list").stdout
	require.Contains(t, table, "Bob Ross")
	require.NotContains(t, table, "\x1b")
}

func TestUsers_SayWhatIsWrongInTheWordsOfTheCommandLine(t *testing.T) {
	t.Parallel()
	o := newOffice(t, pgtest.Partitioned(t, partitions))
	for _, c := range []struct {
		reason string
		code   int
		stdin  string
		args   []string
	}{
		{"taken", 1, "", []string{"create", "CHIEF", "--generate", "--email", "other@example.com"}},
		{"e-mail address already.\n", 1, "", []string{"create", "other", "--generate", "--email", "chief@localhost"}},
		{"3 to 64", 1, "", []string{"create", "x", "--generate", "--email", "no address"}},
		{"email must", 1, "", []string{"create", "x", "--generate", "--email", "no address"}},
		{"password", 1, "password\n", []string{"create", "dave", "--password-stdin"}},
		{"no such user", 1, "", []string{"deactivate", "nobody"}},
		{"no such user", 1, "", []string{"reset-password", "nobody", "--generate"}},
		{"--yes", 2, "", []string{"delete", "chief"}},
		{"exclude each", 2, "", []string{"create", "dave", "--generate", "--password-stdin"}},
		{"no terminal", 2, "", []string{"create", "dave"}},
		{"no password", 2, "", []string{"create", "dave", "--password-stdin"}},
		{"exclude each", 2, "", []string{"delete", "chief", "--transfer-to", "x", "--delete-collections", "--yes"}},
		{"last active superuser", 1, "", []string{"demote", "chief"}},
		{"last active superuser", 1, "", []string{"deactivate", "chief"}},
		{"last active superuser", 1, "", []string{"delete", "chief", "--yes"}},
	} {
		r := o.run(t, c.stdin, c.args...)
		require.Equal(t, c.code, r.code, "%v: %s", c.args, r.stderr)
		require.Contains(t, strings.ToLower(r.stderr), c.reason, c.args)
		require.NotContains(t, r.stderr, "body.")
	}
}

func TestUsers_AreChangedWhileAServerRuns(t *testing.T) {
	t.Parallel()
	o := newOffice(t, pgtest.Partitioned(t, partitions))
	o.ok(t, "correct horse\n", "create", "bob", "--password-stdin")
	u := up(t, o.environ, t.TempDir())
	defer u.stop(t)
	signIn := func(environ []string, name, password string) int {
		return command(t, environ, password+"\n", "login", "--server", u.result.URL, "-u", name, "--password-stdin").code
	}
	require.Equal(t, 0, signIn(home(t), "chief", o.chief))
	bobs := home(t)
	require.Equal(t, 0, signIn(bobs, "bob", "correct horse"))
	require.Equal(t, 0, command(t, bobs, "", "keys", "list").code)
	require.False(t, decode[account](t, o.ok(t, "", "deactivate", "Bob", "--json")).IsActive)
	require.Equal(t, 1, command(t, bobs, "", "keys", "list").code, "his session is over at once")
	require.Equal(t, 1, signIn(home(t), "bob", "correct horse"))
	o.ok(t, "", "activate", "bob")
	require.Equal(t, 0, signIn(home(t), "bob", "correct horse"))

	reset := strings.TrimSpace(o.ok(t, "", "reset-password", "bob", "--generate").stdout)
	require.Equal(t, 1, signIn(home(t), "bob", "correct horse"))
	require.Equal(t, 0, signIn(home(t), "bob", reset))
	o.ok(t, "another horse\n", "reset-password", "bob", "--password-stdin")
	require.Equal(t, 0, signIn(home(t), "bob", "another horse"))

	o.ok(t, "", "promote", "bob")
	o.ok(t, "", "demote", "chief")
	o.ok(t, "", "create", "carol", "--generate")
	o.ok(t, "", "delete", "carol", "--yes")

	conn, err := pgx.Connect(t.Context(), o.database)
	require.NoError(t, err)
	defer func() { require.NoError(t, conn.Close(t.Context())) }()
	rows, err := conn.Query(t.Context(), `select distinct action from audit_log where actor = 'operator' order by 1`)
	require.NoError(t, err)
	actions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Contains(t, actions, "user.password_reset")
	require.Contains(t, actions, "user.delete")
}

// A database that another version of the program has made is left alone.
func TestUsers_LeaveAnotherSchemaAlone(t *testing.T) {
	t.Parallel()
	database := pgtest.Partitioned(t, partitions)
	conn, err := pgx.Connect(t.Context(), database)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `update schema_history set schema_hash = repeat('0', 64)`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	r := command(t, home(t, "DATABASE_URL="+database), "", "users", "list")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "semantik schema plan")
}
