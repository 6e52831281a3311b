package testworld

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"semantik/app"
	"semantik/modules/users"
	"semantik/platform/config"
	"semantik/platform/database"
	"semantik/platform/pgtest"
	"semantik/schema"
)

// Password is everybody's.
const Password = "correct horse battery"

// stopTimeout bounds the end of the worker.
const stopTimeout = 20 * time.Second

// World is the program with a database of its own. It ends with the test.
type World struct {
	*app.App

	// URL of the database.
	URL string
	// Root is a superuser, the first in the world; unset with [Empty].
	Root users.User
	// Trace sees every statement of the program.
	Trace *Trace

	t        testing.TB
	server   *server
	log      *logBuffer
	noWorker bool
	// partitions is how many partitions the chunks have.
	partitions int
}

// fewPartitions are enough for a test that is not about them.
const fewPartitions = 10

// Option changes how a world is made.
type Option func(*settings)

type settings struct {
	environ  []string
	database []func(*database.Config)
	noWorker bool
	empty    bool
	url      string
	// partitions is how many partitions the chunks have.
	partitions int
}

// AllPartitions gives the chunks the hundred partitions that a server has by itself, for
// a test that is about them.
func AllPartitions() Option {
	return func(s *settings) { s.partitions = schema.DefaultPartitionCount }
}

// NoWorker leaves operations as they are started; a test claims them itself, or
// starts the worker when it wants.
func NoWorker() Option { return func(s *settings) { s.noWorker = true } }

// Empty leaves out [World.Root], so that there is nobody.
func Empty() Option { return func(s *settings) { s.empty = true } }

// On builds the program on a database that is there already: a second process
// beside the one of another world.
func On(w *World) Option {
	return func(s *settings) { s.url, s.empty, s.partitions = w.URL, true, w.partitions }
}

// Setting sets a variable of the configuration: "NAME=value".
func Setting(variable string) Option {
	return func(s *settings) { s.environ = append(s.environ, variable) }
}

// RateLimits holds everybody to the limits, from which tests are free otherwise,
// and believes the test when it says in X-Forwarded-For where a request comes from.
func RateLimits() Option {
	return func(s *settings) {
		s.environ = append(s.environ, "DISABLE_RATE_LIMITING=false", "TRUSTED_PROXIES=127.0.0.1,::1")
	}
}

// Database changes how the database is reached.
func Database(change func(*database.Config)) Option {
	return func(s *settings) { s.database = append(s.database, change) }
}

// NoRetry lets a unit of work fail at once, so that what is broken off once has
// an outcome.
func NoRetry() Option { return Setting("DB_RETRY_LIMIT=0") }

// OneConnection leaves a single connection to everybody, so that whoever asks for
// a second one while holding the first waits in vain, and shows itself by an
// error soon.
func OneConnection() Option {
	return Database(func(c *database.Config) {
		c.MaxConns = 1
		c.PoolTimeout = 3 * time.Second
	})
}

// FirstCommitFails makes the first COMMIT of each unit of work fail as if it had
// met another transaction, so that each runs twice and what is not safe to run
// twice shows itself.
func FirstCommitFails() Option {
	return Database(func(c *database.Config) {
		var mu sync.Mutex
		failed := map[string]bool{}
		// A unit of work runs again in the goroutine that it ran in, before that
		// one begins another.
		c.BeforeCommit = func(context.Context) error {
			id := goroutine()
			mu.Lock()
			defer mu.Unlock()
			failed[id] = !failed[id]
			if failed[id] {
				return serializationFailure()
			}
			return nil
		}
	})
}

// goroutine tells the goroutine that calls it from all others: the second word of
// its stack trace is its number.
func goroutine() string {
	var trace [64]byte
	return string(bytes.Fields(trace[:runtime.Stack(trace[:], false)])[1])
}

// Thrice runs a suite in three worlds: one as it is, one where everybody shares a
// single connection, and one where each unit of work runs twice.
func Thrice(t *testing.T, suite func(t *testing.T, w *World), options ...Option) {
	t.Helper()
	for name, fault := range map[string][]Option{
		"as it is": nil, "with one connection": {OneConnection()}, "with each first commit failing": {FirstCommitFails()},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, New(t, append(fault, options...)...))
		})
	}
}

// New makes a world.
func New(t testing.TB, options ...Option) *World {
	t.Helper()
	s := settings{partitions: fewPartitions, environ: []string{
		"BCRYPT_COST=4", "SEMANTIK_DATA=" + t.TempDir(), "DB_POOL_SIZE=8", "DB_MAX_OVERFLOW=4", "DB_RETRY_INTERVAL=0.01",
		"DISABLE_RATE_LIMITING=true",
	}}
	for _, o := range options {
		o(&s)
	}
	w := &World{t: t, URL: s.url, Trace: newTrace(), log: &logBuffer{}, noWorker: s.noWorker, partitions: s.partitions}
	if w.URL == "" {
		w.URL = pgtest.Partitioned(t, s.partitions)
	}
	s.environ = append(s.environ, fmt.Sprintf("CHUNK_PARTITION_COUNT=%d", s.partitions))
	w.build(t, s)
	w.KeyUses.Start(t.Context())
	t.Cleanup(w.end)
	if !s.empty {
		w.Root = w.User("root")
	}
	if !s.noWorker {
		require.NoError(t, w.Worker.Start(t.Context()))
		w.StartIndexing()
	}
	return w
}

// StartIndexing has search rows made of what is loaded, as a program that runs does.
func (w *World) StartIndexing() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), backgroundKey{}, true))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.Indexer.Run(ctx)
	}()
	w.t.Cleanup(func() {
		cancel()
		<-ended
	})
}

// Index makes all search rows that are to be made now, in a world where nobody else
// does.
func (w *World) Index() {
	w.t.Helper()
	require.NoError(w.t, w.Indexer.WorkAll(context.Background()))
}

func (w *World) build(t testing.TB, s settings) {
	t.Helper()
	// A variable that is set twice has its last value.
	c, err := config.Load(config.Options{NoEnvFile: true, Environ: lastWins(append(s.environ, "DATABASE_URL="+w.URL))})
	require.NoError(t, err)
	w.App, err = app.Build(t.Context(), c, app.Options{
		Version: "test",
		Quick:   true,
		Logger:  slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Database: func(c *database.Config) {
			c.Tracer = w.Trace
			for _, change := range s.database {
				change(c)
			}
		},
	})
	require.NoError(t, err)
	w.server = &server{web: w.Server}
}

// end stops what runs and checks what is left.
func (w *World) end() {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := w.server.close(); err != nil {
		w.t.Errorf("stopping the HTTP server: %v", err)
	}
	w.Schedule.Stop()
	// A worker that was never started stops at once.
	if err := w.Worker.Stop(ctx); err != nil {
		w.t.Errorf("stopping the worker: %v", err)
	}
	w.KeyUses.Stop(ctx)
	w.checkStatements()
	if !w.t.Failed() {
		w.checkRules(ctx)
		w.checkAuditLog(ctx)
	}
	w.Close()
	w.checkLog()
	if w.t.Failed() {
		w.t.Logf("the program's log:\n%s", w.log.String())
	}
}

// checkStatements looks at every statement on chunks that the program has sent, in
// whichever test.
func (w *World) checkStatements() {
	for _, sql := range w.Unexplained() {
		w.t.Errorf("a statement on chunks was sent that no test explains; it does not stand in the source as it is:\n%s", sql)
	}
}

// Unexplained gives the statements on chunks that the program has sent and that no test
// has looked at, and forgets them.
func (w *World) Unexplained() []string {
	w.t.Helper()
	found, err := unexplained(w.Trace.takeChunkStatements())
	if err != nil {
		w.t.Errorf("reading the program's statements: %v", err)
	}
	return found
}

// credentials are what no line of a log may hold: a URL with a password, a token,
// the hash of a password.
var credentials = regexp.MustCompile(`[a-z0-9+]+://[^\s:/@"]*:[^\s@*"]+@|eyJ[\w-]{10,}\.[\w-]+\.|\$2[aby]\$\d\d\$|smtk_[0-9a-f]{8}_`)

// HasCredential reports whether a text has what a log must not have.
func HasCredential(text string) bool { return credentials.MatchString(text) }

// checkLog looks through every line that the program has logged.
func (w *World) checkLog() {
	log := w.log.String()
	if found := credentials.FindString(log); found != "" {
		w.t.Errorf("the log has a credential: %q", found)
	}
	u, err := url.Parse(w.URL)
	if err != nil {
		w.t.Errorf("reading the database's URL: %v", err)
		return
	}
	if password, given := u.User.Password(); given && password != "" && strings.Contains(log, password) {
		w.t.Errorf("the log has the password of the database")
	}
}

// Leaked gives the entries of the audit log that have a credential, or the
// password that everybody has.
func (w *World) Leaked(ctx context.Context) ([]string, error) {
	rows, err := w.DB.Querier(ctx).Query(ctx, `select audit_log::text from audit_log order by id`)
	if err != nil {
		return nil, err
	}
	var leaked []string
	var entry string
	_, err = pgx.ForEachRow(rows, []any{&entry}, func() error {
		if HasCredential(entry) || strings.Contains(entry, Password) {
			leaked = append(leaked, entry)
		}
		return nil
	})
	return leaked, err
}

// checkAuditLog looks through everything that was written down.
func (w *World) checkAuditLog(ctx context.Context) {
	leaked, err := w.Leaked(ctx)
	if err != nil {
		w.t.Errorf("reading the audit log: %v", err)
	}
	for _, entry := range leaked {
		w.t.Errorf("an entry of the audit log has a credential: %s", entry)
	}
}

// In gives the same world to a subtest, which then fails by itself.
func (w *World) In(t testing.TB) *World {
	t.Helper()
	inner := *w
	inner.t = t
	return &inner
}

// Log is what the program has logged so far.
func (w *World) Log() string { return w.log.String() }

// CheckRules checks the rules that hold in all data. Every world does so at its
// end; a test that wants to know earlier calls it.
func (w *World) CheckRules() {
	w.t.Helper()
	w.checkRules(context.Background())
}

// Violations gives the rules that do not hold.
func (w *World) Violations(ctx context.Context) ([]schema.Violation, error) {
	return schema.New(w.DB.Pool(), schema.Options{}).CheckData(ctx)
}

func (w *World) checkRules(ctx context.Context) {
	w.t.Helper()
	violations, err := w.Violations(ctx)
	if err != nil {
		w.t.Errorf("checking the data: %v", err)
	}
	for _, v := range violations {
		w.t.Errorf("it does not hold that %s", v)
	}
}

func lastWins(environ []string) []string {
	seen := map[string]bool{}
	var kept []string
	for _, e := range slices.Backward(environ) {
		if name, _, _ := strings.Cut(e, "="); !seen[name] {
			seen[name] = true
			kept = append(kept, e)
		}
	}
	return kept
}

// logBuffer keeps the log of one world.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
