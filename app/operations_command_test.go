package app_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/platform/auth"
	"semantik/platform/pgtest"
)

// worked is a program that serves, with a collection "notes" that a folder was loaded
// into, of which one file holds nothing to be searched.
type worked struct {
	runs

	up     *upRun
	conn   *pgx.Conn
	append map[string]any
}

func newWorked(t *testing.T, more ...string) *worked {
	t.Helper()
	url := pgtest.Partitioned(t, partitions)
	environ := home(t, append(more, "DATABASE_URL="+url, "SEMANTIK_ADMIN_PASSWORD=correct horse", "WEBSOCKET_PING_SECONDS=1")...)
	u := up(t, environ, t.TempDir())
	t.Cleanup(func() { u.stop(t) })
	folder := filepath.Join(t.TempDir(), "notes")
	writeFiles(t, folder, map[string]string{"a.txt": "About penguins.", "b.txt": "About walruses.", "empty.txt": ""})
	require.Equal(t, 3, command(t, environ, "", "ingest", folder, "-c", "notes").code)
	w := &worked{runs: runs{t, environ}, up: u, conn: connected(t, url)}
	// Whether the first operation takes the files up or another one is a matter of
	// moments; here it was one of the type append, and the only one.
	w.exec(`delete from operations where uuid <> (select uuid from operations join collections on collections.id = collection_id where name = 'notes' order by operations.created_at desc limit 1)`)
	w.exec(`
update operations
set type = 'append', meta = '{"progress": {"done": 3, "failed": 1, "skipped": 0, "chunks": 2, "total": 3, "message": "notes/empty.txt"},
                              "result": {"documents_processed": 2, "documents_failed": 1}}'`)
	listed := decode[map[string][]map[string]any](t, w.ok("operations", "list", "-c", "notes", "--type", "append", "--json"))["operations"]
	require.Len(t, listed, 1)
	w.append = listed[0]
	return w
}

func (w *worked) id() string { return fmt.Sprint(w.append["id"]) }

// goesOn makes the operation one that another worker is at, which has done one of three
// documents in ten seconds.
func (w *worked) goesOn() {
	w.t.Helper()
	w.exec(`
update operations
set status = 'processing', completed_at = null, started_at = now() - interval '10 s', worker = 'elsewhere', lease_until = now() + interval '1 hour',
    meta = '{"progress": {"done": 1, "failed": 0, "skipped": 0, "chunks": 1, "total": 3, "message": "notes/a.txt"}}'
where uuid = $1`, uuid.MustParse(w.id()))
	w.exec(`update collections set status = 'processing' where name = 'notes'`)
}

func (w *worked) exec(query string, args ...any) {
	w.t.Helper()
	_, err := w.conn.Exec(w.t.Context(), query, args...)
	require.NoError(w.t, err)
}

// ends brings the operation to its end as that worker would, though nobody tells of it.
func (w *worked) ends(status string, message *string) {
	w.t.Helper()
	w.exec(`
update operations
set status = $2, completed_at = now(), worker = null, lease_until = null, error_message = $3
where uuid = $1`, uuid.MustParse(w.id()), status, message)
}

// watch begins to watch, and returns when the first word of it was printed.
func (w *worked) watch(ctx context.Context, args ...string) (stdout, stderr *buffer, code <-chan int) {
	w.t.Helper()
	stdout, stderr = &buffer{}, &buffer{}
	ended := make(chan int, 1)
	go func() {
		ended <- app.Shell{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: stderr, Environ: w.environ}.Run(ctx, append([]string{"operations", "watch"}, args...)...)
	}()
	await(w.t, func() bool { return stdout.String() != "" })
	return stdout, stderr, ended
}

func TestOperations_AreListedShownAndFoundByTheBeginningOfTheirIDs(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	id := w.id()
	list := w.ok("operations", "list").stdout
	require.Contains(t, list, id)
	require.Regexp(t, `append +completed +3/3 +notes +\d+s`, list)
	require.Contains(t, w.ok("operations", "list", "--status", "failed").stdout, "There is no such operation")
	require.Len(t, decode[map[string][]any](t, w.ok("operations", "list", "--limit", "1", "--json"))["operations"], 1)
	require.Contains(t, w.ok("operations", "list", "--all").stdout, id)
	require.Contains(t, w.ok("operations", "list", "--user", "admin", "--type", "append").stdout, id)
	require.NotContains(t, w.ok("operations", "list", "-c", "notes", "--type", "index").stdout, id)

	for _, named := range []string{id, id[:8], strings.ToUpper(id[:13])} {
		shown := w.ok("operations", "show", named).stdout
		for _, part := range []string{id, "append", "notes", "completed", "3 of 3 documents, 1 failed", "documents_processed", "1 document of the collection failed", "empty.txt", "permanent", "mend it"} {
			require.Contains(t, shown, part)
		}
		require.NotContains(t, shown, "left", "nothing is left of one that has ended")
	}
	all := decode[map[string]any](t, w.ok("operations", "show", id, "--json"))
	require.Contains(t, fmt.Sprint(all["operation"]), "id:"+id)
	require.Contains(t, fmt.Sprint(all["failed_documents"]), "total:1")
	require.Equal(t, "notes", all["collection_name"])
	require.Nil(t, all["seconds_left"])

	w.goesOn()
	shown := w.ok("operations", "show", id).stdout
	require.Contains(t, shown, "1 of 3 documents")
	require.Regexp(t, `pace +0\.1 a second, about (19|2\d) s left`, shown)
	require.Contains(t, shown, "operations cancel "+id)
	w.exec(`update operations set started_at = now() where uuid = $1`, uuid.MustParse(id))
	require.NotContains(t, w.ok("operations", "show", id).stdout, "pace", "nothing is said while nothing is known")
	w.ends("completed", nil)
}

func TestOperations_ErrorsSayWhatToDo(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	for name, c := range map[string]struct {
		args []string
		code int
		says string
	}{
		"an unknown id":         {[]string{"operations", "show", uuid.NewString()}, 1, "no operation with this id"},
		"an unknown beginning":  {[]string{"operations", "show", "00000000"}, 1, "semantik operations list"},
		"no id at all":          {[]string{"operations", "show"}, 2, "ID is missing"},
		"two ids":               {[]string{"operations", "cancel", "abc", "def"}, 2, "only one ID"},
		"no id":                 {[]string{"operations", "watch", "notes"}, 2, "8 characters"},
		"too short a beginning": {[]string{"operations", "cancel", "abc"}, 2, "8 characters"},
		"nothing to watch":      {[]string{"operations", "watch"}, 2, "--collection NAME"},
		"too much to watch":     {[]string{"operations", "watch", "00000000", "-c", "notes"}, 2, "--collection NAME"},
		"no patience":           {[]string{"operations", "watch", "-c", "notes", "--timeout", "-1s"}, 2, "--timeout"},
		"an unknown collection": {[]string{"operations", "watch", "-c", "none"}, 1, "semantik collections list"},
		"an unknown status":     {[]string{"operations", "list", "--status", "lost"}, 2, "pending, processing"},
		"an unknown type":       {[]string{"operations", "list", "--type", "juggle"}, 2, "juggle"},
		"no limit":              {[]string{"operations", "list", "--limit", "0"}, 2, "1 to 1000"},
		"a collection of all":   {[]string{"operations", "list", "-c", "notes", "--all"}, 2, "--all"},
		"what has ended":        {[]string{"operations", "cancel", w.id()}, 1, "completed already"},
	} {
		t.Run(name, func(t *testing.T) {
			r := command(t, w.environ, "", c.args...)
			require.Equal(t, c.code, r.code, r.stderr)
			require.Contains(t, r.stderr, c.says)
		})
	}
	secret := strings.TrimSpace(w.ok("keys", "create", "robot").stdout)
	denied := command(t, append(w.environ, "SEMANTIK_API_KEY="+secret, "SEMANTIK_SERVER="+w.up.result.URL), "", "operations", "list", "--all")
	require.Equal(t, 1, denied.code)
	require.Contains(t, denied.stderr, "superuser")
}

func TestOperations_ACancelledOneSaysWhatWasLeft(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	w.goesOn()
	w.exec(`update documents set status = 'pending', chunk_count = 0 where file_path = 'notes/b.txt'`)
	stdout, stderr, code := w.watch(t.Context(), w.id())
	cancelled := w.ok("operations", "cancel", w.id()[:8]).stdout
	require.Contains(t, cancelled, `Cancelled the append operation on the collection "notes" after 1 of 3 documents.`)
	require.Contains(t, cancelled, "1 document was not processed")
	require.Equal(t, 1, <-code, "who watches it sees it fail")
	require.Contains(t, stdout.String(), "append is processing: 1 of 3 documents, 0.1 a second, about")
	require.Contains(t, stderr.String(), "was cancelled")

	shown := w.ok("operations", "show", w.id()).stdout
	require.Contains(t, shown, "documents_left: 1")
	require.Contains(t, shown, "transient")
	require.Contains(t, shown, "semantik collections retry-failed notes")
	require.Contains(t, w.ok("collections", "retry-failed", "notes").stdout, "semantik operations watch ")
	w.ok("operations", "watch", "-c", "notes")
	require.Contains(t, w.ok("collections", "retry-failed", "notes").stdout, "nothing to retry")
	w.bin()
}

// bin deletes a document of the collection, and takes it out of the bin again.
func (w *worked) bin() {
	w.t.Helper()
	require.Contains(w.t, w.ok("collections", "bin", "notes").stdout, `No deleted document of "notes" can be restored.`)
	w.exec(`delete from chunk_search where document_id = (select id from documents where file_path = 'notes/a.txt')`)
	w.exec(`delete from chunks where document_id = (select id from documents where file_path = 'notes/a.txt')`)
	w.exec(`update documents set status = 'deleted', deleted_at = now() where file_path = 'notes/a.txt'`)
	shown := w.ok("collections", "bin", "notes").stdout
	require.Regexp(w.t, `(?m)^FILE +SIZE +DELETED +RESTORABLE UNTIL +ID$`, shown)
	require.Regexp(w.t, `(?m)^notes/a\.txt +15B +\d{4}-\d\d-\d\d `, shown)
	listed := decode[map[string]any](w.t, w.ok("collections", "bin", "notes", "--json"))
	require.EqualValues(w.t, 1, listed["total"])
	fields := strings.Fields(shown)
	id := fields[len(fields)-1]
	restored := w.ok("collections", "restore-document", "notes", id).stdout
	require.Contains(w.t, restored, "Restored notes/a.txt.")
	require.Contains(w.t, restored, "operations watch ")
	w.ok("operations", "watch", "-c", "notes")
	require.Contains(w.t, w.ok("search", "penguins", "-c", "notes").stdout, "penguins")
	again := command(w.t, w.environ, "", "collections", "restore-document", "notes", id)
	require.Equal(w.t, 1, again.code)
	require.Contains(w.t, again.stderr, "not in the bin")
}

func TestOperations_AWatchEndsWithTheOperation(t *testing.T) {
	t.Parallel()
	message := "The disk is gone."
	for status, c := range map[string]struct {
		message *string
		code    int
		says    string
	}{"completed": {nil, 0, ""}, "failed": {&message, 1, "has failed: The disk is gone."}, "cancelled": {nil, 1, "was cancelled"}} {
		t.Run(status, func(t *testing.T) {
			t.Parallel()
			w := newWorked(t)
			w.t = t
			w.goesOn()
			stdout, stderr, code := w.watch(t.Context(), "--collection", "notes", "--json")
			w.ends(status, c.message)
			require.Equal(t, c.code, <-code, stderr.String())
			require.Contains(t, stderr.String(), c.says)
			lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
			require.Len(t, lines, 2)
			for i, want := range []string{"processing", status} {
				var o map[string]any
				require.NoError(t, json.Unmarshal([]byte(lines[i]), &o))
				require.Equal(t, []any{w.id(), want}, []any{o["id"], o["status"]})
			}
			again := command(t, w.environ, "", "operations", "watch", "-c", "notes")
			require.Equal(t, c.code, again.code, "one that has ended tells the same")
		})
	}
}

func TestOperations_CtrlCEndsTheWatchingAndNotTheOperation(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	w.goesOn()
	ctx, cancel := context.WithCancel(t.Context())
	_, stderr, code := w.watch(ctx, w.id())
	cancel()
	require.Equal(t, 130, <-code)
	require.Contains(t, stderr.String(), "the operation goes on")
	require.Contains(t, stderr.String(), "semantik operations cancel "+w.id())
	require.Contains(t, w.ok("operations", "list", "--status", "processing").stdout, w.id())
	w.ends("completed", nil)
}

// The access token expires on the way, with which the socket is cut: it is renewed, and
// the watching goes on.
func TestOperations_AWatchOutlivesItsToken(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("k", 40)
	w := newWorked(t, "JWT_SECRET_KEY="+key)
	w.goesOn()
	w.environ = home(t)
	r := command(t, w.environ, "correct horse\n", "login", "--server", w.up.result.URL, "-u", "admin", "--password-stdin")
	require.Equal(t, 0, r.code, r.stderr)
	tokens, err := auth.NewTokens([]string{key}, time.Now, 3*time.Second, time.Hour)
	require.NoError(t, err)
	claims, err := tokens.ParseAccess(fmt.Sprint(readKept(t, w.environ).Logins[0]["token"]))
	require.NoError(t, err)
	short, err := tokens.IssueAccess(claims.Username, claims.UserID, claims.Session)
	require.NoError(t, err)
	keepToken(t, w.environ, short)

	_, stderr, code := w.watch(t.Context(), w.id())
	require.Equal(t, short, readKept(t, w.environ).Logins[0]["token"], "it begins with the old one")
	await(t, func() bool { return readKept(t, w.environ).Logins[0]["token"] != short })
	w.ends("completed", nil)
	require.Equal(t, 0, <-code, stderr.String())
}

// What went wrong with the operation stands in the report of a load that waited for it.
func TestIngest_TheReportNamesAnOperationThatWasCancelled(t *testing.T) {
	t.Parallel()
	w := newWorked(t)
	w.goesOn()
	folder := filepath.Join(t.TempDir(), "more")
	writeFiles(t, folder, map[string]string{"c.txt": "About seals."})
	ended := begun(t, w.environ, "ingest", folder, "-c", "notes", "--json")
	await(t, func() bool {
		return counted(t, w.conn, `select count(*) from documents where file_path = 'more/c.txt'`) == 1
	})
	w.ok("operations", "cancel", w.id())
	r := <-ended
	require.Equal(t, 3, r.code, r.stderr)
	var report struct {
		Unfinished []map[string]string `json:"unfinished_operations"`
		Unreadable []map[string]string `json:"unreadable"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
	require.Len(t, report.Unfinished, 1)
	require.Equal(t, []string{w.id(), "append", "cancelled"}, []string{report.Unfinished[0]["id"], report.Unfinished[0]["type"], report.Unfinished[0]["status"]})
	require.Len(t, report.Unreadable, 1, "the file that was not got to")
}
