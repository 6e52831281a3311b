package pgtest

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"semantik/platform/postgres"
)

const (
	// startTimeout bounds bringing up a server, the download of its programs on
	// a new machine included.
	startTimeout = 5 * time.Minute
	stopTimeout  = 30 * time.Second
)

// Server is a throw-away PostgreSQL that listens on loopback.
type Server struct {
	// URL of the maintenance database, as a superuser.
	URL string

	server *postgres.Server
	dir    string
}

// Start brings up a throw-away server of the PostgreSQL that is asked for: what
// is written to it is lost when it ends.
func Start(ctx context.Context, o postgres.BinaryOptions) (*Server, error) {
	binaries, err := postgres.FindBinaries(ctx, o)
	if err != nil {
		return nil, fmt.Errorf("finding a PostgreSQL to test on: %w", err)
	}
	dir, err := NewFolder(ctx)
	if err != nil {
		return nil, err
	}
	port, err := freePort(ctx)
	if err != nil {
		_ = os.Remove(dir)
		return nil, err
	}
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir:   dir,
		BinDir:    binaries.Dir,
		Ephemeral: true,
		Settings: map[string]string{
			"listen_addresses": "127.0.0.1", "port": strconv.Itoa(port),
			// Each clone is some two thousand files; a test keeps few of them open.
			"max_files_per_process": "4000",
		},
	})
	if err != nil {
		_ = os.RemoveAll(dir)
		return nil, fmt.Errorf("starting the test server: %w", err)
	}
	u, err := url.Parse(server.URL())
	if err != nil {
		return nil, fmt.Errorf("reading the test server's address: %w", err)
	}
	tcp := url.URL{Scheme: "postgres", User: u.User, Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), Path: "/postgres", RawQuery: "sslmode=disable"}
	return &Server{URL: tcp.String(), server: server, dir: dir}, nil
}

// Binaries are the server's programs.
func (s *Server) Binaries() postgres.Binaries { return s.server.Binaries() }

// Stop ends the server and removes what it held.
func (s *Server) Stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	err := s.server.Stop(ctx)
	if removed := os.RemoveAll(s.dir); err == nil {
		err = removed
	}
	return err
}

func freePort(ctx context.Context) (int, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	addr, ok := l.Addr().(*net.TCPAddr)
	if !ok {
		return 0, fmt.Errorf("looking for a free port: %v is no TCP address", l.Addr())
	}
	return addr.Port, nil
}

// own is the server of this test program, where none was given. Tests of one
// program share it, so it is the program's and not a test's.
var own struct { //nolint:gochecknoglobals // see above
	once   sync.Once
	server *Server
	err    error
}

func throwAway(t testing.TB) string {
	t.Helper()
	own.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		own.server, own.err = Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	})
	require.NoError(t, own.err, "a test needs PostgreSQL: set TEST_DATABASE_URL, or mend what is wrong here")
	return own.server.URL
}

// Main runs a package's tests, ends the throw-away server that they may have
// started, and fails when they have left goroutines behind. It does not return.
func Main(m *testing.M, options ...goleak.Option) {
	code := m.Run()
	endAdmin()
	if own.server != nil {
		if err := own.server.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "stopping the test server:", err)
			code = max(code, 1)
		}
	}
	if code == 0 {
		if err := goleak.Find(options...); err != nil {
			fmt.Fprintln(os.Stderr, "goroutines were left behind:", err)
			code = 1
		}
	}
	os.Exit(code)
}
