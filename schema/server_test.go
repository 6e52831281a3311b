package schema_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"semantik/schema"
)

// The servers that the tests run on. This package may not import the one that
// starts PostgreSQL for everybody else, so it has its own few lines for that.
const (
	serverURLVariable = "TEST_DATABASE_URL"
	oldestURLVariable = "TEST_DATABASE_URL_OLDEST"
	newestURLVariable = "TEST_DATABASE_URL_NEWEST"
)

// server is a PostgreSQL that a test may create databases on.
type server struct {
	name     string
	url      string
	template func() (string, error) // a database with the schema applied
	small    func() (string, error) // one with the small schema, and rows
}

// templatePartitions are few, so that a database is made and looked through
// quickly.
const templatePartitions = 3

var servers []server

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	first := os.Getenv(serverURLVariable)
	if first == "" {
		started, stop, err := startServer()
		if err != nil {
			fmt.Fprintf(os.Stderr, "no PostgreSQL to test on: %v\nSet %s to the URL of a server where databases may be created, "+
				"or install PostgreSQL 15 or newer.\n", err, serverURLVariable)
			return 1
		}
		defer stop()
		first = started
	}
	servers = append(servers, newServer("server", first))
	for name, variable := range map[string]string{"oldest": oldestURLVariable, "newest": newestURLVariable} {
		given := os.Getenv(variable)
		if given != "" && !slices.ContainsFunc(servers, func(s server) bool { return s.url == given }) {
			servers = append(servers, newServer(name, given))
		}
	}
	defer func() {
		for _, s := range servers {
			s.dropTemplates()
		}
	}()
	return m.Run()
}

func newServer(name, databaseURL string) server {
	s := server{name: name, url: databaseURL}
	s.template = s.newTemplate("", func(ctx context.Context, pool *pgxpool.Pool) error {
		_, err := schema.New(pool, schema.Options{PartitionCount: templatePartitions}).Apply(ctx, schema.ApplyOptions{})
		return err
	})
	s.small = s.newTemplate(smallSuffix, fillSmall)
	return s
}

// newTemplate makes a database once, when it is first asked for.
func (s server) newTemplate(suffix string, fill func(context.Context, *pgxpool.Pool) error) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		ctx := context.Background()
		template := s.templateName() + suffix
		if err := s.exec(ctx, "create database "+template); err != nil {
			return "", err
		}
		pool, err := pgxpool.New(ctx, s.databaseURL(template))
		if err != nil {
			return "", err
		}
		defer pool.Close()
		return template, fill(ctx, pool)
	})
}

// smallSuffix ends the name of the template with the small schema.
const smallSuffix = "_small"

func (s server) templateName() string {
	return fmt.Sprintf("schema_test_template_%d", os.Getpid())
}

func (s server) dropTemplates() {
	for _, name := range []string{s.templateName(), s.templateName() + smallSuffix} {
		if err := s.exec(context.Background(), "drop database if exists "+name); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
	}
}

func (s server) exec(ctx context.Context, sql string) error {
	conn, err := pgx.Connect(ctx, s.url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	return err
}

func (s server) databaseURL(database string) string {
	u, err := url.Parse(s.url)
	if err != nil {
		return s.url
	}
	u.Path = "/" + database
	return u.String()
}

// onEachServer runs a test on every server there is.
func onEachServer(t *testing.T, fn func(t *testing.T, s server)) {
	t.Helper()
	for _, s := range servers {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			fn(t, s)
		})
	}
}

var databaseNumber = func() func() int {
	var mu sync.Mutex
	n := 0
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		n++
		return n
	}
}()

// newDatabase is an empty database of the test's own.
func newDatabase(t *testing.T, s server) *pgxpool.Pool {
	t.Helper()
	return createDatabase(t, s, "")
}

// newSchema is a database of the test's own with the schema applied, in a few
// partitions.
func newSchema(t *testing.T, s server) *pgxpool.Pool {
	t.Helper()
	template, err := s.template()
	require.NoError(t, err)
	return createDatabase(t, s, " template "+template)
}

func createDatabase(t *testing.T, s server, clause string) *pgxpool.Pool {
	t.Helper()
	name := fmt.Sprintf("schema_test_%d_%d", os.Getpid(), databaseNumber())
	require.NoError(t, s.exec(t.Context(), "create database "+name+clause))
	pool, err := pgxpool.New(t.Context(), s.databaseURL(name))
	require.NoError(t, err)
	t.Cleanup(func() {
		pool.Close()
		if t.Failed() {
			t.Logf("the database is kept: %s", name)
			return
		}
		require.NoError(t, s.exec(context.Background(), "drop database "+name+" with (force)"))
	})
	return pool
}

// startServer runs a throw-away PostgreSQL from what is installed.
func startServer() (databaseURL string, stop func(), err error) {
	bin, err := findBinaries()
	if err != nil {
		return "", nil, err
	}
	dir, err := os.MkdirTemp("", "semantik-schema-test-")
	if err != nil {
		return "", nil, err
	}
	cleanup := func() { _ = os.RemoveAll(dir) }
	run, err := asUnprivileged(dir)
	if err != nil {
		cleanup()
		return "", nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N")
	run(initdb)
	if out, err := initdb.CombinedOutput(); err != nil {
		cleanup()
		return "", nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := freePort()
	if err != nil {
		cleanup()
		return "", nil, err
	}
	postgres := exec.Command(filepath.Join(bin, "postgres"), "-D", data, "-p", strconv.Itoa(port),
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "full_page_writes=off",
		"-c", "synchronous_commit=off", "-c", "max_locks_per_transaction=256", "-c", "max_connections=200")
	run(postgres)
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		cleanup()
		return "", nil, err
	}
	postgres.Stdout, postgres.Stderr = log, log
	if err := postgres.Start(); err != nil {
		cleanup()
		return "", nil, err
	}
	stop = func() {
		_ = postgres.Process.Signal(syscall.SIGINT) // fast shutdown
		_ = postgres.Wait()
		_ = log.Close()
		cleanup()
	}
	databaseURL = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	if err := waitReady(databaseURL); err != nil {
		text, _ := os.ReadFile(log.Name())
		stop()
		return "", nil, fmt.Errorf("%w: %s", err, text)
	}
	return databaseURL, stop, nil
}

func waitReady(databaseURL string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	again := time.NewTicker(50 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := pgx.Connect(ctx, databaseURL)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the server did not come up: %w", err)
		case <-again.C:
		}
	}
}

func findBinaries() (string, error) {
	if out, err := exec.Command("pg_config", "--bindir").Output(); err == nil {
		if dir := strings.TrimSpace(string(out)); fileExists(filepath.Join(dir, "initdb")) {
			return dir, nil
		}
	}
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(dirs) == 0 {
		return "", errors.New("PostgreSQL is not installed where pg_config or /usr/lib/postgresql would show it")
	}
	slices.Sort(dirs)
	return filepath.Dir(dirs[len(dirs)-1]), nil
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// asUnprivileged gives what makes a command run as somebody else where we are
// root, which PostgreSQL refuses, and hands dir to that user.
func asUnprivileged(dir string) (func(*exec.Cmd), error) {
	if os.Geteuid() != 0 {
		return func(*exec.Cmd) {}, nil
	}
	var uid, gid int
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		if uid, err = strconv.Atoi(u.Uid); err != nil {
			return nil, err
		}
		if gid, err = strconv.Atoi(u.Gid); err != nil {
			return nil, err
		}
		break
	}
	if uid == 0 {
		return nil, errors.New("there is no user postgres or nobody to run PostgreSQL as")
	}
	if err := os.Chown(dir, uid, gid); err != nil {
		return nil, err
	}
	return func(cmd *exec.Cmd) {
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}, nil
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, errors.Join(errors.New("a listener on TCP has another address"), l.Close())
	}
	return addr.Port, l.Close()
}
