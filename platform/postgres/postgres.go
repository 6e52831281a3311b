package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options says what server is wanted. The zero value is the one that a person
// gets who configured nothing.
type Options struct {
	// DataDir holds everything that must last: the cluster in postgres/, its
	// password, its log and its lock; [DefaultDataDir] when empty. One live
	// server has it at a time.
	DataDir string
	// BinDir is a folder with initdb and postgres (SEMANTIK_POSTGRES_BIN).
	BinDir string
	// CacheDir holds unpacked binaries; [DefaultCacheDir] when empty, or a folder
	// in the data directory where the account has no home.
	CacheDir string
	// Extensions must be part of the PostgreSQL that is chosen.
	Extensions []string
	// Offline forbids fetching binaries.
	Offline bool
	// Settings are PostgreSQL's own, by its names, and win over what
	// [MachineSettings] gives. Few cannot be changed: [ErrSetting].
	Settings map[string]string
	// Ephemeral is for tests: what was written may be lost when the server is
	// killed or the machine stops. See [EphemeralSettings].
	Ephemeral bool
	// Logger may be nil.
	Logger *slog.Logger
	// OnProgress is told, in a sentence, what takes longer; may be nil.
	OnProgress func(message string)
}

func (o Options) progressf(format string, args ...any) {
	if o.OnProgress != nil {
		o.OnProgress(fmt.Sprintf(format, args...))
	}
}

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

func (o Options) binaries(major int) BinaryOptions {
	return BinaryOptions{
		BinDir: o.BinDir, CacheDir: o.CacheDir, Major: major, Extensions: o.Extensions,
		Offline: o.Offline, OnProgress: o.OnProgress, Logger: o.Logger,
	}
}

// Server is a PostgreSQL that runs as our child. Its methods may be called from
// several goroutines.
type Server struct {
	url       string
	bin       Binaries
	dataDir   string
	socketDir string
	process   *process
	logger    *slog.Logger

	stop    sync.Mutex // held while the server is being stopped
	release func()     // gives the data directory back; once
}

// URL connects to the database semantik as the role that owns it, over a Unix
// socket. It carries the password and must never be logged.
func (s *Server) URL() string { return s.url }

// Version is the server's, as in "18.4".
func (s *Server) Version() string { return s.bin.Version }

// Binaries says which PostgreSQL runs, and from where.
func (s *Server) Binaries() Binaries { return s.bin }

// DataDir is the data directory, absolute and without symbolic links.
func (s *Server) DataDir() string { return s.dataDir }

// PID is the number of the server's main process.
func (s *Server) PID() int { return s.process.pid }

// Done is closed when the server has ended, for whatever reason.
func (s *Server) Done() <-chan struct{} { return s.process.done }

// Err says, once Done is closed, why the server ended by itself ([ErrEnded], with
// the last lines of its log). It is nil before, and after a Stop.
func (s *Server) Err() error { return s.process.endedWith() }

// start is one attempt to start a server, with what was found out so far.
type start struct {
	o Options
	layout
	account
	bin       Binaries
	settings  map[string]string
	socketDir string
	url       string
}

// Start brings up the server on its data directory and makes what is missing:
// directory, cluster, role, password and database. It returns when the database
// answers. The context bounds the start alone, not the life of the server.
//
// Before it starts, it ends a server that outlived the Semantik which started it,
// and waits for the recovery that a crash made necessary, for as long as the
// server's log shows progress. The errors are those declared by this package;
// whatever happens, a cluster is never removed and never changes its version.
func Start(ctx context.Context, o Options) (*Server, error) {
	l, err := openLayout(o.DataDir)
	if err != nil {
		return nil, err
	}
	acc, err := chooseAccount(l)
	if err != nil {
		return nil, err
	}
	lock, err := lockInstance(ctx, l)
	if err != nil {
		return nil, err
	}
	s := &start{o: o, layout: l, account: acc}
	server, err := s.run(ctx)
	if err != nil {
		lock.release()
		return nil, err
	}
	server.release = lock.release
	return server, nil
}

func (s *start) run(ctx context.Context) (*Server, error) {
	began := time.Now()
	there, err := s.hasCluster()
	if err != nil {
		return nil, err
	}
	if there {
		if err := endLeftover(ctx, s.layout, s.o.logger()); err != nil {
			return nil, err
		}
	}
	if err := s.prepare(ctx, there); err != nil {
		return nil, err
	}
	server, err := s.launchUntilReady(ctx)
	if err != nil {
		return nil, err
	}
	s.o.logger().InfoContext(ctx, "PostgreSQL is ready", "version", s.bin.Version, "binaries", s.bin.Dir,
		"data", s.cluster, "account", s.name, "pid", server.PID(), "took", time.Since(began).Round(time.Millisecond))
	return server, nil
}

// prepare brings everything to where the server can be started.
func (s *start) prepare(ctx context.Context, there bool) error {
	if err := s.findBinaries(ctx, there); err != nil {
		return err
	}
	if err := s.checkReach(ctx); err != nil {
		return err
	}
	var err error
	if s.settings, err = settings(ctx, s.o, s.bin, machineMemory()); err != nil {
		return err
	}
	if s.socketDir, err = socketDir(s.layout, s.account, s.settings["port"]); err != nil {
		return err
	}
	s.settings["unix_socket_directories"] = quoteFolder(s.socketDir)
	if err := clearSockets(s.socketDir, s.settings["port"]); err != nil {
		return err
	}
	if !there {
		if err := s.initialise(ctx); err != nil {
			return err
		}
	} else if err := s.ownTree(s.cluster); err != nil {
		return fmt.Errorf("giving the data directory to %s: %w", s.name, err)
	}
	return s.configure(ctx)
}

// findBinaries wants exactly the major version that made the cluster.
func (s *start) findBinaries(ctx context.Context, there bool) error {
	major := 0
	if there {
		var err error
		if major, err = s.clusterMajor(); err != nil {
			return err
		}
	}
	o := s.o.binaries(major)
	if o.CacheDir == "" {
		if _, err := DefaultCacheDir(); err != nil {
			o.CacheDir = s.cache
		}
	}
	var err error
	s.bin, err = FindBinaries(ctx, o)
	return err
}

func (s *start) clusterMajor() (int, error) {
	cluster, err := openCluster(s.layout)
	if err != nil {
		return 0, err
	}
	defer func() { _ = cluster.Close() }()
	b, err := cluster.ReadFile("PG_VERSION")
	if err != nil {
		return 0, fmt.Errorf("reading the version of the data directory: %w", err)
	}
	// Before 10 a major version had two numbers, "9.6": too old either way.
	first, _, _ := strings.Cut(strings.TrimSpace(string(b)), ".")
	major, err := strconv.Atoi(first)
	if err != nil || major <= 0 {
		return 0, ErrDataDirectory.WithMessagef("%s/PG_VERSION holds %q, which is no version. Nothing was changed.", s.cluster, first)
	}
	return major, nil
}

// checkReach has the account that root switches to run the program from within
// the data directory: permission bits alone do not tell what access lists and
// security modules allow. They serve to name the culprit.
func (s *start) checkReach(ctx context.Context) error {
	if !s.switched {
		return nil
	}
	_, err := run(s.command(ctx, s.dir, s.bin.Dir+"/postgres", "--version"))
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	if at := s.blockedBy(s.dir); at != "" {
		return ErrDataDirectory.WithMessagef(
			"PostgreSQL does not run as root but as %s, who may not enter %s, and so cannot reach the data directory %s. "+
				"Choose another one with SEMANTIK_DATA (root's default is /var/lib/semantik), or let others pass: chmod o+x %s.",
			s.name, at, s.dir, at).WithCause(err)
	}
	if at := s.blockedBy(s.bin.Dir); at != "" {
		return ErrUnusableBinaries.WithMessagef(
			"PostgreSQL does not run as root but as %s, who may not enter %s, and so cannot run %s/postgres. "+
				"Move it to where everybody may read, or let others pass: chmod o+x %s.", s.name, at, s.bin.Dir, at).WithCause(err)
	}
	return ErrUnusableBinaries.WithMessagef("%s/postgres cannot be run as %s in %s.", s.bin.Dir, s.name, s.dir).WithCause(err)
}

// configure writes the settings for this start and sees to the password.
func (s *start) configure(ctx context.Context) error {
	mode := ownerOnly
	if s.switched {
		mode = everybodyReads // there is no secret in it
	}
	if err := replaceFile(s.layout.settings, []byte(renderSettings(s.settings)), mode); err != nil {
		return fmt.Errorf("writing PostgreSQL's settings: %w", err)
	}
	cluster, err := openCluster(s.layout)
	if err != nil {
		return err
	}
	if err := errors.Join(includeSettings(cluster), cluster.Close()); err != nil {
		return err
	}
	password, err := readPassword(s.password)
	if err == nil && password == "" {
		if err = s.resetPassword(ctx); err == nil {
			password, err = readPassword(s.password)
		}
	}
	if err != nil {
		return err
	}
	s.url = databaseURL(databaseName, password, s.socketDir, s.settings["port"])
	return nil
}
