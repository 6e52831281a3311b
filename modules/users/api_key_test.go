package users_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/testworld"
)

const apiKeysPath = "/api/v2/api-keys"

func TestAPIKey_TheSecretIsShownOnceAndStoredByItsHash(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	created := w.Request(testworld.Scenario{As: &alice, Method: http.MethodPost, URL: apiKeysPath, Body: map[string]any{"name": " Cafe\u0301\x00 "},
		Status: http.StatusCreated, Has: []string{`"name":"Café"`, `"is_active":true`, `"last_used_at":null`, `"permissions":{"scopes":["read","write"],"collections":null}`}})
	require.Equal(t, "no-store", created.Header.Get("Cache-Control"))
	body := created.JSON(t)
	id, secret, prefix := text(t, body, "id"), text(t, body, "api_key"), text(t, body, "prefix")
	require.Regexp(t, `^smtk_[0-9a-f]{8}_[A-Za-z0-9_-]{43}$`, secret)
	require.Equal(t, prefix, secret[:13])
	require.Equal(t, "smtk_"+id[:8], prefix)
	expires, err := time.Parse(time.RFC3339, text(t, body, "expires_at"))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now().AddDate(0, 0, 365), expires, 24*time.Hour)

	for _, s := range []testworld.Scenario{
		{Method: http.MethodGet, URL: apiKeysPath},
		{Method: http.MethodGet, URL: apiKeysPath + "/" + id},
		{Method: http.MethodPatch, URL: apiKeysPath + "/" + id, Body: map[string]any{"is_active": false}},
	} {
		s.As, s.Status, s.Has, s.HasNot = &alice, http.StatusOK, []string{`"id":"` + id, prefix}, []string{"api_key\":", secret[13:], "hash"}
		w.Request(s)
	}
	require.EqualValues(t, 1, w.Int(`select count(*) from api_keys where key_hash = $1 and user_id = $2`, auth.HashToken(secret), alice.ID))
	for _, table := range []string{"api_keys", "audit_log"} {
		require.Zero(t, w.Int(`select count(*) from `+table+` r where r::text like '%' || $1 || '%'`, secret[13:]))
	}
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'api_key.create' and object_id = $1 and actor = 'alice'
		and details->>'prefix' = $2 and details->>'name' = 'Café' and details->'permissions'->'scopes' = '["read", "write"]'`, id, prefix))
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'api_key.update' and object_id = $1 and details->>'is_active' = 'false'`, id))
}

func text(t *testing.T, body map[string]any, member string) string {
	t.Helper()
	value, ok := body[member].(string)
	require.True(t, ok, "%s is a text: %v", member, body[member])
	return value
}

func TestAPIKey_EveryBadFieldIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	days := func(n int) *int { return &n }
	id := uuid.NewString()
	many := make([]string, users.MaxAPIKeyCollections+1)
	for i := range many {
		many[i] = uuid.NewString()
	}
	const name, scopes, within = "body.name", "body.permissions.scopes", "body.permissions.collections"
	for title, c := range map[string]struct {
		in     users.CreateAPIKeyInput
		fields []string
	}{
		"no name":              {users.CreateAPIKeyInput{}, []string{name}},
		"blanks":               {users.CreateAPIKeyInput{Name: " \t\u200b\u00a0\x00"}, []string{name}},
		"a line break":         {users.CreateAPIKeyInput{Name: "a\nb"}, []string{name}},
		"an escape":            {users.CreateAPIKeyInput{Name: "a\x1b[2Jb"}, []string{name}},
		"broken UTF-8":         {users.CreateAPIKeyInput{Name: "a\xff"}, []string{name}},
		"too long":             {users.CreateAPIKeyInput{Name: strings.Repeat("ß", 101)}, []string{name}},
		"no days":              {users.CreateAPIKeyInput{Name: "k", ExpiresInDays: days(0)}, []string{"body.expires_in_days"}},
		"days past":            {users.CreateAPIKeyInput{Name: "k", ExpiresInDays: days(-1)}, []string{"body.expires_in_days"}},
		"too many days":        {users.CreateAPIKeyInput{Name: "k", ExpiresInDays: days(3651)}, []string{"body.expires_in_days"}},
		"no scopes":            {users.CreateAPIKeyInput{Name: "k", Scopes: []string{}}, []string{scopes}},
		"other scopes":         {users.CreateAPIKeyInput{Name: "k", Scopes: []string{"read", "root", "READ", ""}}, []string{scopes + "[1]", scopes + "[2]", scopes + "[3]"}},
		"a scope twice":        {users.CreateAPIKeyInput{Name: "k", Scopes: []string{"read", "write", "read"}}, []string{scopes + "[2]"}},
		"no collections":       {users.CreateAPIKeyInput{Name: "k", Collections: []string{}}, []string{within}},
		"too many collections": {users.CreateAPIKeyInput{Name: "k", Collections: many}, []string{within}},
		"a collection twice":   {users.CreateAPIKeyInput{Name: "k", Collections: []string{id, strings.ToUpper(id)}}, []string{within + "[1]"}},
		"no UUIDs": {users.CreateAPIKeyInput{Name: "k", Collections: []string{id, "x", "", "urn:uuid:" + id, strings.ReplaceAll(id, "-", ""), uuid.Nil.String(), "6ba7b810-9dad-11d1-80b4-00c04fd430c8"}},
			[]string{within + "[1]", within + "[2]", within + "[3]", within + "[4]", within + "[5]", within + "[6]"}},
		"everything": {users.CreateAPIKeyInput{Name: "", ExpiresInDays: days(9999), Scopes: []string{"x"}, Collections: []string{"y"}},
			[]string{name, "body.expires_in_days", scopes + "[0]", within + "[0]"}},
	} {
		t.Run(title, func(t *testing.T) {
			_, err := w.Users.CreateAPIKey(w.As(w.Root), c.in)
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			var fields []string
			for _, f := range apperr.From(err).Fields {
				fields = append(fields, f.Location)
			}
			require.Equal(t, c.fields, fields)
		})
	}
}

func TestAPIKey_AMisspelledMemberIsRefusedAndNullIsTheDefault(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	many := make([]string, users.MaxAPIKeyCollections)
	for i := range many {
		many[i] = uuid.NewString()
	}
	refused := func(name, body string, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: apiKeysPath, Body: body, Status: http.StatusUnprocessableEntity, Has: has, Pure: true}
	}
	w.HTTP(t,
		refused("an unknown member", `{"name":"k","user_id":1}`, "body.user_id"),
		refused("a misspelled bound", `{"name":"k","permissions":{"scopes":["read"],"collection":["x"]}}`, "body.permissions.collection"),
		refused("no name", `{}`, "body.name"),
		refused("a name that is a number", `{"name":1}`, "body.name"),
		refused("a fraction of a day", `{"name":"k","expires_in_days":1.5}`, "body.expires_in_days"),
		refused("scopes that are a text", `{"name":"k","permissions":{"scopes":"read"}}`, "body.permissions.scopes"),
		refused("two things wrong", `{"name":"","expires_in_days":0}`, "body.name", "body.expires_in_days"),
		testworld.Scenario{Name: "nulls are defaults", As: &w.Root, Method: http.MethodPost, URL: apiKeysPath, Status: http.StatusCreated,
			Body: `{"name":"k","expires_in_days":null,"permissions":null}`, Has: []string{`"scopes":["read","write"],"collections":null`}},
		testworld.Scenario{Name: "nulls within", As: &w.Root, Method: http.MethodPost, URL: apiKeysPath, Status: http.StatusCreated,
			Body: `{"name":"l","permissions":{"scopes":null,"collections":null}}`, Has: []string{`"scopes":["read","write"],"collections":null`}},
		testworld.Scenario{Name: "at the limits", As: &w.Root, Method: http.MethodPost, URL: apiKeysPath, Status: http.StatusCreated,
			Body: map[string]any{"name": strings.Repeat("ß", 100), "expires_in_days": 3650, "permissions": map[string]any{"scopes": []string{"admin"}, "collections": many}},
			Has:  []string{many[0], many[99], `"scopes":["admin"]`}},
	)
}

func TestAPIKey_NamesAreUniqueForTheUserInWhateverCase(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	create := func(u users.User, name string) error {
		_, err := w.Users.CreateAPIKey(w.As(u), users.CreateAPIKeyInput{Name: name})
		return err
	}
	require.NoError(t, create(alice, "Ünïcode"))
	before := w.Snapshot()
	require.ErrorIs(t, create(alice, "ÜNÏCODE"), users.ErrAPIKeyNameTaken)
	require.ErrorIs(t, create(alice, "u\u0308ni\u0308code"), users.ErrAPIKeyNameTaken)
	require.Empty(t, before.Changed(w.Snapshot()))
	require.NoError(t, create(bob, "ünïcode"))

	won := 0
	for _, err := range w.Race(6, func(i int) error { return create(bob, []string{"ci", "CI"}[i%2]) }) {
		if err == nil {
			won++
			continue
		}
		require.ErrorIs(t, err, users.ErrAPIKeyNameTaken)
	}
	require.Equal(t, 1, won)
}

func active(w *testworld.World, u users.User) int64 {
	return w.Int(`select count(*) from api_keys where user_id = $1 and is_active and expires_at > now()`, u.ID)
}

func TestAPIKey_TwentyAreInForceAtMost(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	create := func(u users.User, name string) (users.CreatedAPIKey, error) {
		return w.Users.CreateAPIKey(w.As(u), users.CreateAPIKeyInput{Name: name})
	}
	many := func(n int, fn func(i int) error) (refused int) {
		for _, err := range w.Race(n, fn) {
			if err != nil {
				require.ErrorIs(t, err, users.ErrTooManyAPIKeys)
				refused++
			}
		}
		return refused
	}
	refused := many(25, func(i int) error { _, err := create(alice, fmt.Sprint("a ", i)); return err })
	require.Equal(t, 5, refused, "also when many are made at once")
	require.EqualValues(t, users.MaxActiveAPIKeys, active(w, alice))
	require.EqualValues(t, users.MaxActiveAPIKeys, w.Int(`select count(*) from audit_log where action = 'api_key.create'`), "what was refused left no entry")
	w.Request(testworld.Scenario{As: &alice, Method: http.MethodPost, URL: apiKeysPath, Body: map[string]any{"name": "one more"},
		Status: http.StatusBadRequest, Has: []string{"api_key_limit", "Revoke one first"}, Pure: true})
	_, err := create(bob, "a 1")
	require.NoError(t, err, "others are not concerned")

	t.Run("what was revoked or has expired does not count", func(t *testing.T) {
		w.Exec(`update api_keys set is_active = false where id in (select id from api_keys where user_id = $1 order by name limit 3)`, alice.ID)
		w.Exec(`update api_keys set expires_at = now() where id in (select id from api_keys where user_id = $1 and is_active order by name limit 2)`, alice.ID)
		for i := range 5 {
			_, err := create(alice, fmt.Sprint("b ", i))
			require.NoError(t, err)
		}
		_, err := create(alice, "b 5")
		require.ErrorIs(t, err, users.ErrTooManyAPIKeys)
	})
	t.Run("also when revoked ones are taken back into force at once", func(t *testing.T) {
		keys, total, err := w.Users.ListAPIKeys(w.As(alice), database.Page{Limit: 100})
		require.NoError(t, err)
		require.EqualValues(t, 25, total)
		w.Exec(`update api_keys set is_active = false, expires_at = now() + interval '1 day' where user_id = $1`, alice.ID)
		refused := many(len(keys), func(i int) error { _, err := w.Users.SetAPIKeyActive(w.As(alice), keys[i].ID, true); return err })
		require.Equal(t, 5, refused)
		require.EqualValues(t, users.MaxActiveAPIKeys, active(w, alice))
	})
	t.Run("an expired one that is taken back opens nothing and takes no place", func(t *testing.T) {
		id := testworld.Value[uuid.UUID](w, `update api_keys set expires_at = now() where id = (select id from api_keys where user_id = $1 and not is_active limit 1) returning id`, alice.ID)
		k, err := w.Users.SetAPIKeyActive(w.As(alice), id, true)
		require.NoError(t, err)
		require.True(t, k.IsActive)
		require.EqualValues(t, users.MaxActiveAPIKeys, active(w, alice))
	})
	t.Run("one in force stays so", func(t *testing.T) {
		id := testworld.Value[uuid.UUID](w, `select id from api_keys where user_id = $1 and is_active and expires_at > now() limit 1`, alice.ID)
		before := w.Snapshot()
		_, err := w.Users.SetAPIKeyActive(w.As(alice), id, true)
		require.NoError(t, err)
		require.Empty(t, before.Changed(w.Snapshot()), "nothing was changed, and nothing is told of")
	})
}

func TestAPIKey_NobodyManagesAnothersAndNoKeyManagesAny(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice, bob := w.User("alice"), w.User("bob")
	key, err := w.Users.CreateAPIKey(w.As(alice), users.CreateAPIKeyInput{Name: "alice's", Scopes: []string{"read", "write", "admin"}})
	require.NoError(t, err)
	before := w.Snapshot()
	for _, u := range []users.User{bob, w.Root} {
		_, err := w.Users.GetAPIKey(w.As(u), key.ID)
		require.ErrorIs(t, err, users.ErrAPIKeyNotFound)
		_, err = w.Users.SetAPIKeyActive(w.As(u), key.ID, false)
		require.ErrorIs(t, err, users.ErrAPIKeyNotFound)
		_, total, err := w.Users.ListAPIKeys(w.As(u), database.Page{Limit: 10})
		require.NoError(t, err)
		require.Zero(t, total)
	}
	who, err := w.Users.Authenticate(t.Context(), key.Secret)
	require.NoError(t, err)
	through := auth.WithIdentity(t.Context(), who)
	_, err = w.Users.CreateAPIKey(through, users.CreateAPIKeyInput{Name: "its own"})
	require.ErrorIs(t, err, auth.ErrPersonRequired)
	_, _, err = w.Users.ListAPIKeys(through, database.Page{Limit: 10})
	require.ErrorIs(t, err, auth.ErrPersonRequired)
	_, err = w.Users.GetAPIKey(through, key.ID)
	require.ErrorIs(t, err, auth.ErrPersonRequired)
	_, err = w.Users.SetAPIKeyActive(through, key.ID, false)
	require.ErrorIs(t, err, auth.ErrPersonRequired)
	_, err = w.Users.CreateAPIKey(t.Context(), users.CreateAPIKeyInput{Name: "nobody's"})
	require.ErrorIs(t, err, auth.ErrUnauthenticated)
	require.Empty(t, before.Changed(w.Snapshot()))

	w.HTTP(t,
		testworld.Scenario{Name: "no UUID", As: &alice, Method: http.MethodGet, URL: apiKeysPath + "/1", Status: http.StatusUnprocessableEntity, Pure: true},
		testworld.Scenario{Name: "nothing to change", As: &alice, Method: http.MethodPatch, URL: apiKeysPath + "/" + key.ID.String(), Body: `{}`, Status: http.StatusUnprocessableEntity, Has: []string{"body.is_active"}, Pure: true},
		testworld.Scenario{Name: "null", As: &alice, Method: http.MethodPatch, URL: apiKeysPath + "/" + key.ID.String(), Body: `{"is_active":null}`, Status: http.StatusUnprocessableEntity, Pure: true},
		testworld.Scenario{Name: "another member", As: &alice, Method: http.MethodPatch, URL: apiKeysPath + "/" + key.ID.String(), Body: `{"is_active":false,"name":"x"}`, Status: http.StatusUnprocessableEntity, Has: []string{"body.name"}, Pure: true},
		testworld.Scenario{Name: "there is no deleting", As: &alice, Method: http.MethodDelete, URL: apiKeysPath + "/" + key.ID.String(), Status: http.StatusMethodNotAllowed, Pure: true},
	)
}

func TestAPIKey_TheListIsNewestFirstAndBounded(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	alice := w.User("alice")
	w.NewKey(w.User("bob"), nil, auth.ScopeRead)
	w.Exec(`insert into api_keys (user_id, name, prefix, key_hash, is_active, created_at, expires_at)
		select $1, 'key ' || n, 'smtk_00000000', lpad(to_hex(n), 64, '0'), n % 2 = 0, now() - n * interval '1 minute', now() + (n - 600) * interval '1 day'
		from generate_series(1, 1005) n`, alice.ID)
	list := func(query string) (names []string, total float64) {
		body := w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: apiKeysPath + query, Status: http.StatusOK}).JSON(t)
		keys, ok := body["api_keys"].([]any)
		require.True(t, ok)
		for _, k := range keys {
			key, ok := k.(map[string]any)
			require.True(t, ok)
			names = append(names, text(t, key, "name"))
		}
		total, _ = body["total"].(float64)
		return names, total
	}
	names, total := list("")
	require.Len(t, names, 1000)
	require.InDelta(t, 1005, total, 0)
	require.Equal(t, []string{"key 1", "key 2"}, names[:2], "what was revoked and what has expired is in it too")
	names, total = list("?page=2&per_page=1000")
	require.Equal(t, []string{"key 1001", "key 1002", "key 1003", "key 1004", "key 1005"}, names)
	require.InDelta(t, 1005, total, 0)
	names, _ = list("?page=9&per_page=1000")
	require.Empty(t, names)
	for _, query := range []string{"?page=0", "?per_page=0", "?per_page=1001", "?page=x", "?page=99999999999999999999"} {
		w.Request(testworld.Scenario{As: &alice, Method: http.MethodGet, URL: apiKeysPath + query, Status: http.StatusUnprocessableEntity})
	}
}

func TestAPIKey_IsMadeOrRevokedAsAWhole(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	alice := w.User("alice")
	changed := w.FailEach(func() error {
		_, err := w.Users.CreateAPIKey(w.As(alice), users.CreateAPIKeyInput{Name: "k"})
		return err
	})
	require.Equal(t, []string{"public.api_keys", "public.audit_log"}, changed)
	id := testworld.Value[uuid.UUID](w, `select id from api_keys`)
	for _, active := range []bool{false, true} {
		changed = w.FailEach(func() error {
			_, err := w.Users.SetAPIKeyActive(w.As(alice), id, active)
			return err
		})
		require.Equal(t, []string{"public.api_keys", "public.audit_log"}, changed)
	}
}

func TestSuite_APIKeysUnderFaults(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		alice := w.User("alice")
		secrets := make([]string, 8)
		for _, err := range w.Race(len(secrets), func(i int) error {
			k, err := w.Users.CreateAPIKey(w.As(alice), users.CreateAPIKeyInput{Name: fmt.Sprint("key ", i), Scopes: []string{"read"}})
			secrets[i] = k.Secret
			return err
		}) {
			require.NoError(t, err)
		}
		_, err := w.Users.CreateAPIKey(w.As(alice), users.CreateAPIKeyInput{Name: "KEY 1"})
		require.ErrorIs(t, err, users.ErrAPIKeyNameTaken)
		for _, err := range w.Race(len(secrets), func(i int) error {
			who, err := w.Users.Authenticate(t.Context(), secrets[i])
			if err == nil {
				_, err = w.Users.Me(auth.WithIdentity(t.Context(), who))
			}
			return err
		}) {
			require.NoError(t, err)
		}
		keys, total, err := w.Users.ListAPIKeys(w.As(alice), database.Page{Limit: 100})
		require.NoError(t, err)
		require.EqualValues(t, 8, total)
		for _, err := range w.Race(len(keys), func(i int) error {
			_, err := w.Users.SetAPIKeyActive(w.As(alice), keys[i].ID, i%2 == 0)
			return err
		}) {
			require.NoError(t, err)
		}
		require.NoError(t, w.KeyUses.Flush(t.Context()))
		require.EqualValues(t, 4, w.Int(`select count(*) from api_keys where is_active`))
		require.EqualValues(t, 8, w.Int(`select count(*) from api_keys where last_used_at is not null`))
		require.EqualValues(t, 8, w.Int(`select count(*) from audit_log where action = 'api_key.create'`), "one for each, however often it was tried")
		require.EqualValues(t, 4, w.Int(`select count(*) from audit_log where action = 'api_key.update'`))
	}, testworld.NoWorker())
}

// Whatever is sent to make a key from, the answer is a key or says what is wrong,
// and what is stored reads back as what was asked for.
func FuzzCreateAPIKeyInput(f *testing.F) {
	f.Add(`{"name":"k"}`)
	f.Add(`{"name":"Cafe\u0301","expires_in_days":1,"permissions":{"scopes":["read"],"collections":["0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a"]}}`)
	f.Add(`{"name":"\u0000","permissions":{"scopes":[]}}`)
	f.Fuzz(func(t *testing.T, body string) {
		var sent struct {
			Name          string
			ExpiresInDays *int `json:"expires_in_days"`
			Permissions   struct{ Scopes, Collections []string }
		}
		if json.Unmarshal([]byte(body), &sent) != nil {
			return // the server refuses it before anybody looks at the fields
		}
		in := users.CreateAPIKeyInput{Name: sent.Name, ExpiresInDays: sent.ExpiresInDays, Scopes: sent.Permissions.Scopes, Collections: sent.Permissions.Collections}
		row, err := in.Row()
		if err != nil {
			require.Equal(t, apperr.Invalid, apperr.KindOf(err))
			require.NotEmpty(t, apperr.From(err).Fields)
			return
		}
		require.NotEmpty(t, strings.TrimSpace(row.Name))
		require.NotContains(t, row.Name, "\x00")
		require.LessOrEqual(t, len([]rune(row.Name)), users.MaxAPIKeyName)
		allowed, err := row.Allowed()
		require.NoError(t, err)
		require.NotEmpty(t, allowed.Scopes)
		require.Equal(t, in.Collections == nil, allowed.Collections == nil, "a bound is never lost")
		require.Len(t, allowed.Collections, len(in.Collections))
		if in.Scopes != nil {
			require.Len(t, allowed.Scopes, len(in.Scopes))
		}
		require.False(t, slices.ContainsFunc(allowed.Scopes, func(s auth.Scope) bool { return !s.Known() }))
	})
}
