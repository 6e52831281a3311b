package audit_test

import (
	"context"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/testworld"
)

// A year of a thousand entries a month, by fifty users, of twenty actions on forty
// kinds of five thousand things, each rare enough for its index.
const furnish = `
insert into audit_log (created_at, user_id, api_key_id, actor, action, object_type, object_id)
select $1::timestamptz - make_interval(secs => n * 2600),
       n % 50 + 1000, case when n % 3 = 0 then uuid_in(md5((n % 51)::text)::cstring) end, 'User' || n % 50, 'thing.act' || n % 20, 'thing' || n % 40, (n % 5000)::text
from generate_series(1, $2) n`

// plan gives how PostgreSQL answers the query, with the names that the indexes
// have on the parent table.
func plan(as context.Context, t *testing.T, w *testworld.World, q audit.Query) string {
	t.Helper()
	recorded := w.Trace.Record(func() {
		_, err := w.Audit.List(as, q)
		require.NoError(t, err)
	})
	require.Len(t, recorded, 1, "one statement")
	rows, err := w.DB.Pool().Query(t.Context(), "explain (analyze, costs off, timing off, summary off) "+recorded[0].SQL, recorded[0].Args...)
	require.NoError(t, err)
	lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	text := strings.Join(lines, "\n")
	rows, err = w.DB.Pool().Query(t.Context(), `
select c.relname, p.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent where c.relkind = 'i'`)
	require.NoError(t, err)
	var child, parent string
	_, err = pgx.ForEachRow(rows, []any{&child, &parent}, func() error {
		text = regexp.MustCompile(`\b`+child+`\b`).ReplaceAllString(text, parent)
		return nil
	})
	require.NoError(t, err)
	return text
}

// touched are the months that a plan reads.
func touched(plan string) []string {
	return regexp.MustCompile(`on audit_log_\w+`).FindAllString(plan, -1)
}

func TestList_EachFilterIsServedByAnIndexInTheOrderOfTheList(t *testing.T) {
	t.Parallel()
	w := emptied(t)
	root := w.As(w.User("root"))
	now := time.Now()
	w.Exec(furnish, now, 12_000)
	require.NoError(t, keeper(w, now, 0).Keep(t.Context()))
	w.Exec(`analyze audit_log`)
	require.Greater(t, len(months(t, w)), 14)

	key := testworld.Value[uuid.UUID](w, `select api_key_id from audit_log where api_key_id is not null limit 1`)
	for name, c := range map[string]struct {
		as    context.Context
		q     audit.Query
		index string
	}{
		"one's own":     {auth.WithIdentity(t.Context(), auth.Identity{UserID: 1007, Username: "User7"}), audit.Query{}, "ix_audit_log_user_id"},
		"the whole log": {root, audit.Query{}, "audit_log_pkey"},
		"by actor":      {root, audit.Query{Actor: "USER7"}, "ix_audit_log_actor"},
		"by API key":    {root, audit.Query{APIKeyID: &key}, "ix_audit_log_api_key_id"},
		"by action":     {root, audit.Query{Action: "thing.act7"}, "ix_audit_log_action"},
		"by kind":       {root, audit.Query{ObjectType: "thing7"}, "ix_audit_log_object_type"},
		"by object":     {root, audit.Query{ObjectID: "77"}, "ix_audit_log_object_id"},
	} {
		for _, after := range []*audit.Key{nil, {CreatedAt: now.AddDate(0, -1, 0), ID: 1}} {
			c.q.After = after
			found := plan(c.as, t, w, c.q)
			require.Contains(t, found, c.index, "%s\n%s", name, found)
			// An empty month is read as it is.
			require.NotRegexp(t, `Seq Scan on \S+ \S+ \(actual rows=[1-9]|Rows Removed by Filter: \d{3}`, found, name)
		}
	}
	t.Run("time leaves out months", func(t *testing.T) {
		this := now.UTC()
		start := time.Date(this.Year(), this.Month(), 1, 0, 0, 0, 0, time.UTC).AddDate(0, -5, 0)
		end := start.AddDate(0, 1, 0)
		since := plan(root, t, w, audit.Query{Since: &start, Until: &end})
		require.Equal(t, []string{"on audit_log_" + start.Format("2006_01")}, touched(since), since)
		after := plan(root, t, w, audit.Query{Since: &start, After: &audit.Key{CreatedAt: start.Add(time.Hour), ID: 1}})
		require.Equal(t, []string{"on audit_log_" + start.Format("2006_01")}, touched(after), after)
	})
}
