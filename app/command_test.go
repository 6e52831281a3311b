package app_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/app"
	api "semantik/app/client"
	"semantik/platform/pgtest"
	"semantik/schema"
)

// buffer is written by a command and read by a test at the same time.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// ran is a command that has ended.
type ran struct {
	code           int
	stdout, stderr string
}

// decode reads the JSON that a command has printed.
func decode[T any](t *testing.T, r ran) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &v), r.stdout+r.stderr)
	return v
}

// partitions are few, so that a database is made and looked through quickly.
const partitions = 10

// home is the environment of a person who has nothing set.
func home(t *testing.T, more ...string) []string {
	t.Helper()
	folder := t.TempDir()
	return append([]string{"HOME=" + folder, "SEMANTIK_DATA=" + filepath.Join(folder, "data"), "BCRYPT_COST=4",
		"HTTP_ADDR=127.0.0.1:0", "DB_POOL_SIZE=8", "DB_MAX_OVERFLOW=4", fmt.Sprintf("CHUNK_PARTITION_COUNT=%d", partitions)}, more...)
}

// command runs a command to its end.
func command(t *testing.T, environ []string, stdin string, args ...string) ran {
	t.Helper()
	var stdout, stderr buffer
	// No .env file of the folder that the tests run in has a say.
	code := app.Shell{Stdin: strings.NewReader(stdin), Stdout: &stdout, Stderr: &stderr, Environ: environ}.Run(t.Context(), args...)
	return ran{code, stdout.String(), stderr.String()}
}

// upRun is a program that serves.
type upRun struct {
	result app.UpResult
	stderr *buffer
	cancel context.CancelFunc
	code   chan int
}

// stop ends the program as Ctrl-C does.
func (u *upRun) stop(t *testing.T) {
	t.Helper()
	told := time.Now()
	u.cancel()
	require.Equal(t, 0, <-u.code, u.stderr.String())
	require.Less(t, time.Since(told), 5*time.Second)
}

// up starts the program and waits until it has loaded its folder.
func up(t *testing.T, environ []string, args ...string) *upRun {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	u := &upRun{stderr: &buffer{}, cancel: cancel, code: make(chan int, 1)}
	read, write := io.Pipe()
	go func() {
		code := app.Shell{Stdin: strings.NewReader(""), Stdout: write, Stderr: u.stderr, Environ: environ}.Run(ctx, append([]string{"up", "--json"}, args...)...)
		_ = write.Close()
		u.code <- code
	}()
	require.NoError(t, json.NewDecoder(read).Decode(&u.result), "%s", u.stderr)
	// The value may be read without its line end, at which the program would wait.
	go func() { _, _ = io.Copy(io.Discard, read) }()
	return u
}

func writeFiles(t *testing.T, folder string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(folder, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	}
}

func TestUp_LoadsAFolderOnceAndServesIt(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions))
	folder := filepath.Join(t.TempDir(), "notes: old?")
	writeFiles(t, folder, map[string]string{
		"river.md": "# Das alte Haus\n\nDie Häuser stehen am Fluss.\n", "sub/sea.txt": "Penguins swim in the cold sea.\n", "copy.txt": "Penguins swim in the cold sea.\n",
	})

	first := up(t, environ, folder)
	require.True(t, first.result.AdminCreated)
	password := first.result.AdminPassword
	require.GreaterOrEqual(t, len(password), 32)
	file := first.result.PasswordFile
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	kept, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, password, strings.TrimSpace(string(kept)))
	load := first.result.Load
	require.Equal(t, []int{3, 2, 1}, []int{load.Files, load.Uploaded, load.Present})
	require.Equal(t, "notes- old", load.Collection)
	require.NotEmpty(t, first.result.Search.Results)

	t.Run("another command needs no login beside it", func(t *testing.T) {
		r := command(t, environ, "", "search", "Haus", "-c", "notes- old", "--json")
		require.Equal(t, 0, r.code, r.stderr)
		results := decode[api.Found](t, r).Results
		require.Len(t, results, 1)
		require.Equal(t, "notes: old?/river.md", results[0].FilePath)

		r = command(t, environ, "", "search", "Haus", "-c", "notes- old", "--json", "--filter", `{"lang": {"$exists": false}}`)
		require.Equal(t, 0, r.code, r.stderr)
		require.Len(t, decode[api.Found](t, r).Results, 1)
		r = command(t, environ, "", "search", "Haus", "-c", "notes- old", "--json", "--filter", `{"lang": "de"}`)
		require.Equal(t, 0, r.code, r.stderr)
		require.Empty(t, decode[api.Found](t, r).Results)
		r = command(t, environ, "", "search", "Haus", "-c", "notes- old", "--filter", `{"year": {"$gtee": 1}}`)
		require.Equal(t, 1, r.code)
		require.Contains(t, r.stderr, "$gte", "what there is")
	})
	first.stop(t)
	require.NoFileExists(t, filepath.Join(filepath.Dir(file), "session.json"))
	require.NotContains(t, first.stderr.String(), password, "the password is not logged")

	second := up(t, environ, folder)
	defer second.stop(t)
	require.False(t, second.result.AdminCreated)
	require.Empty(t, second.result.AdminPassword)
	load = second.result.Load
	require.Equal(t, []int{3, 0, 3}, []int{load.Files, load.Uploaded, load.Present})
	require.Zero(t, load.Bytes, "nothing was sent")
	require.NotEmpty(t, second.result.Search.Results)
}

func TestUp_TakesTheAdminOfTheEnvironment(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_USER=chief", "SEMANTIK_ADMIN_PASSWORD=open sesame")
	folder := t.TempDir()
	u := up(t, environ, folder)
	defer u.stop(t)
	require.Empty(t, u.result.AdminPassword)
	require.Empty(t, u.result.PasswordFile)
	r := command(t, environ, "open sesame\n", "login", "--server", u.result.URL, "--username", "Chief", "--password-stdin", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, "chief", decode[map[string]string](t, r)["username"])
}

// Broken off at any moment, the next run goes on, and in the end every file is
// there once.
func TestUp_GoesOnAfterItWasBrokenOff(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions))
	folder := filepath.Join(t.TempDir(), "many")
	files := map[string]string{}
	for i := range 300 {
		name := "file" + strings.Repeat("x", i%7) + "-" + string(rune('a'+i%26)) + strings.Repeat("y", i/26) + ".txt"
		files[name] = "The text of " + name + ". " + strings.Repeat("Words and words. ", 30)
	}
	writeFiles(t, folder, files)
	started := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stderr := &signalling{signal: started, on: "Uploading"}
	go func() {
		<-started
		cancel()
	}()
	told := time.Now()
	code := app.Shell{Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: stderr, Environ: environ}.Run(ctx, "up", folder)
	require.Equal(t, 130, code, stderr.String())
	require.Less(t, time.Since(told), 30*time.Second)

	u := up(t, environ, folder)
	defer u.stop(t)
	load := u.result.Load
	require.Equal(t, len(files), load.Uploaded+load.Present)
	require.True(t, load.Complete())
	require.EqualValues(t, len(files), load.Chunks, "each file is one passage, once")
}

// signalling closes a channel once a text was written.
type signalling struct {
	buffer

	once   sync.Once
	signal chan struct{}
	on     string
}

func (s *signalling) Write(p []byte) (int, error) {
	n, err := s.buffer.Write(p)
	if strings.Contains(s.String(), s.on) {
		s.once.Do(func() { close(s.signal) })
	}
	return n, err
}

func TestServe_SaysWhereItServes(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	served := make(chan struct{})
	stdout := &signalling{signal: served, on: "openapi.json"}
	ended := make(chan int, 1)
	go func() {
		ended <- app.Shell{Stdin: strings.NewReader(""), Stdout: stdout, Stderr: io.Discard, Environ: environ}.Run(ctx, "serve", "--json")
	}()
	select {
	case <-served:
	case code := <-ended:
		t.Fatalf("it ended with %d before it served", code)
	}
	var result map[string]string
	require.NoError(t, json.Unmarshal([]byte(stdout.String()), &result))
	response, err := http.Get(result["url"] + "/health")
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	http.DefaultClient.CloseIdleConnections()
	cancel()
	require.Equal(t, 0, <-ended)
}

func TestUp_RefusesBeforeItStartsAnything(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL=postgres://nobody@127.0.0.1:1/none")
	r := command(t, environ, "", "up", "/does/not/exist")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "/does/not/exist")
	r = command(t, append(environ, "DB_POOL_SIZE=many"), "", "up")
	require.Equal(t, 2, r.code)
	require.Contains(t, r.stderr, "DB_POOL_SIZE")
}

func TestLogin_KeepsATokenThatNobodyElseCanRead(t *testing.T) {
	t.Parallel()
	server := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions), "SEMANTIK_ADMIN_PASSWORD=correct horse")
	folder := filepath.Join(t.TempDir(), "notes")
	writeFiles(t, folder, map[string]string{"a.txt": "A text about penguins."})
	u := up(t, server, folder)
	defer u.stop(t)
	elsewhere := home(t)

	r := command(t, elsewhere, "", "search", "penguins", "-c", "notes")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "semantik login")
	r = command(t, elsewhere, "wrong\n", "login", "--server", u.result.URL, "-u", "admin", "--password-stdin")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "Incorrect username or password (correlation id")
	r = command(t, elsewhere, "correct horse\n", "login", "--server", u.result.URL+"/", "-u", "admin", "--password-stdin", "--json")
	require.Equal(t, 0, r.code, r.stderr)
	info, err := os.Stat(decode[map[string]string](t, r)["file"])
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	r = command(t, elsewhere, "", "search", "penguins", "-c", "notes")
	require.Equal(t, 0, r.code, r.stderr)
	require.Contains(t, r.stdout, "notes/a.txt")
	require.NotContains(t, r.stdout, "\x1b", "no colours but on a terminal")

	r = command(t, append(elsewhere, "SEMANTIK_TOKEN=nonsense", "SEMANTIK_SERVER="+u.result.URL), "", "search", "penguins", "-c", "notes")
	require.Equal(t, 1, r.code, "a token that was given is used or fails, whoever is signed in")
	require.NoError(t, os.Chmod(filepath.Join(filepath.Dir(elsewhere[0][5:]), filepath.Base(elsewhere[0]), ".config/semantik/logins.json"), 0o644))
	r = command(t, elsewhere, "", "search", "penguins", "-c", "notes")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "chmod 600")
}

func TestSearch_SaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Partitioned(t, partitions))
	u := up(t, environ, t.TempDir())
	defer u.stop(t)
	r := command(t, environ, "", "search", "x", "-c", "no such collection")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, `"no such collection"`)
	r = command(t, append(environ, "SEMANTIK_SERVER=http://127.0.0.1:1", "SEMANTIK_TOKEN=x"), "", "search", "x", "-c", "y")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "semantik up")
}

func TestSchema_IsAppliedUndoneAndLookedAt(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL="+pgtest.Empty(t))
	status := func() schema.State {
		return decode[schema.Status](t, command(t, environ, "", "schema", "status", "--json")).State
	}
	require.Equal(t, schema.StateEmpty, status())
	require.NotEmpty(t, decode[schema.Plan](t, command(t, environ, "", "schema", "plan", "--json")).Statements)
	r := command(t, environ, "", "schema", "check")
	require.Equal(t, 1, r.code, "a database without the schema differs from it")
	r = command(t, environ, "", "schema", "apply")
	require.Equal(t, 0, r.code, r.stderr)
	require.Contains(t, r.stdout, "partitions")
	require.Equal(t, schema.StateCurrent, status())
	require.Contains(t, command(t, environ, "", "schema", "plan").stdout, "nothing to do")
	require.Equal(t, 0, command(t, environ, "", "schema", "check").code)
	require.Len(t, decode[map[string][]schema.Entry](t, command(t, environ, "", "schema", "history", "--json"))["entries"], 1)

	r = command(t, append(environ, "CHUNK_PARTITION_COUNT=50"), "", "schema", "plan")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "set CHUNK_PARTITION_COUNT to 10")
	r = command(t, environ, "", "schema", "rollback")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "--allow-destructive")
	require.Contains(t, r.stderr, "chunks")
	r = command(t, environ, "", "schema", "rollback", "--allow-destructive")
	require.Equal(t, 0, r.code, r.stderr)
	require.Equal(t, schema.StateEmpty, status())
}

func TestConfig_MasksSecrets(t *testing.T) {
	t.Parallel()
	environ := home(t, "DATABASE_URL=postgres://ada:s3cret-word@127.0.0.1:5432/semantik?sslmode=disable", "SEMANTIK_ADMIN_PASSWORD=s3cret-word")
	for _, args := range [][]string{{"config"}, {"config", "--json"}} {
		r := command(t, environ, "", args...)
		require.Equal(t, 0, r.code, r.stderr)
		require.NotContains(t, r.stdout+r.stderr, "s3cret-word")
		require.Contains(t, r.stdout, "DB_POOL_SIZE")
	}
	r := command(t, environ, "", "config", "url")
	require.Equal(t, 0, r.code)
	require.Contains(t, r.stdout, "s3cret-word", "psql needs it")
	r = command(t, home(t), "", "config", "url")
	require.Equal(t, 1, r.code)
	require.Contains(t, r.stderr, "semantik up")
}

// Every command says how it is used, for people and for programs.
