package users_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/text/unicode/norm"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/testworld"
)

// Whatever is sent for an account is refused by its field or stored as it is
// read again: the database refuses nothing that the validation lets through, and
// whoever was registered can sign in. Run it with
//
//	go test ./modules/users -fuzz FuzzInput -fuzztime 1m
func FuzzInput(f *testing.F) {
	long := strings.Repeat("x", 300)
	for _, seed := range [][4]string{
		{"alice", "alice@example.com", testworld.Password, "Alice"},
		{"", "", "", ""},
		{"ALICE_1", "a@localhost", "päßwörd 密码", " A\u0301nn "},
		{"alice\n", "Alice <a@example.com>", "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00"},
		{"аlice", `"a b"@example.com`, "alice@example.com", "\xff\xfe"},
		{"alice@example.com", "a@[127.0.0.1]", "password123", "\u202eevil\u200b"},
		{"operator", "a@b..c", "aaaaaaaa", long},
		{strings.Repeat("a", 64), long + "@example.com", strings.Repeat("ab1", 2000), "\u0000\u00a0"},
		{"bob", "ö@exämple.com", "correct horse", "'; drop table users; --"},
		{"bob", "a(comment)@example.com", "staple horse", "{\"a\":1}"},
		{"bob", "a@example.com\u00ad", "staple horse", "𝕬𝖑𝖎𝖈𝖊"},
		{"bob", "ſ@example.com", "staple horse", "İi"},
	} {
		f.Add(seed[0], seed[1], seed[2], seed[3])
	}
	w := testworld.New(f, testworld.NoWorker(), testworld.Setting("DISABLE_RATE_LIMITING=true"))
	f.Fuzz(func(t *testing.T, username, email, password, fullName string) {
		w := w.In(t)
		// As it comes, and with each part beside what is good of the others.
		for _, in := range []users.RegisterInput{
			{Username: username, Email: email, Password: password, FullName: &fullName},
			{Username: "fuzz", Email: email, Password: otherPassword, FullName: &fullName},
			{Username: username, Email: "fuzz@example.com", Password: otherPassword},
			{Username: "fuzz", Email: "fuzz@example.com", Password: password},
		} {
			requireRefusedOrStored(t, w, in)
			w.Exec(`delete from users where id <> $1`, w.Root.ID)
		}
	})
}

func requireRefusedOrStored(t *testing.T, w *testworld.World, in users.RegisterInput) {
	t.Helper()
	u, err := w.Users.Register(t.Context(), in)
	if err != nil {
		requireRefusedByField(t, err)
		return
	}
	require.Regexp(t, `^[A-Za-z0-9_]{3,64}$`, u.Username)
	require.Equal(t, in.Username, u.Username)
	require.Equal(t, norm.NFC.String(in.Email), u.Email)
	require.True(t, utf8.ValidString(u.Email))
	require.False(t, strings.ContainsFunc(u.Email, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), "%q", u.Email)
	require.Equal(t, 1, strings.Count(u.Email, "@"), "%q", u.Email)
	require.False(t, auth.IsCommonPassword(in.Password))
	require.GreaterOrEqual(t, utf8.RuneCountInString(in.Password), users.MinPassword)
	requireReadable(t, w, u, in.Password)

	// What is good in one field may be sent in another.
	_, err = w.Users.Update(w.As(u), u.ID, users.UpdateInput{FullName: &in.Email, Email: in.FullName})
	if err != nil {
		requireRefusedByField(t, err)
	}
}

func requireRefusedByField(t *testing.T, err error) {
	t.Helper()
	if apperr.KindOf(err) == apperr.Conflict {
		require.Contains(t, []string{"username_taken", "email_taken"}, apperr.CodeOf(err))
		return
	}
	require.Equal(t, "invalid_input", apperr.CodeOf(err), "the database refused it: %v", err)
	require.NotEmpty(t, apperr.From(err).Fields)
}

// requireReadable makes sure that the account is what it was made as, and is
// found by its name and by its address.
func requireReadable(t *testing.T, w *testworld.World, u users.User, password string) {
	t.Helper()
	read, err := w.Users.Me(w.As(u))
	require.NoError(t, err)
	require.Equal(t, u.Email, read.Email)
	require.Equal(t, u.FullName, read.FullName)
	if u.FullName != nil {
		require.True(t, norm.NFC.IsNormalString(*u.FullName))
		require.NotEmpty(t, *u.FullName)
	}
	for _, login := range []string{u.Username, strings.ToUpper(u.Username), u.Email} {
		_, err := w.Users.Login(t.Context(), login, password, users.ClientInfo{})
		require.NoError(t, err, "%q", login)
	}
}
