package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"golang.org/x/sync/errgroup"

	"semantik/platform/config"
	"semantik/platform/postgres"
	"semantik/platform/profiling"
)

// The whole program ends within five seconds of being told to: first the server
// and the worker, together, within SHUTDOWN_TIMEOUT (3 s) and what they need to
// cut off the rest, then the database, which has all the time that they left.
const (
	workerGrace  = 500 * time.Millisecond
	keyUsesGrace = 200 * time.Millisecond
	databaseStop = 1800 * time.Millisecond
)

// duty is what a command does while the program serves at the address. Its error
// ends the program; nil leaves it serving.
type duty func(ctx context.Context, a *App, url string) error

// run serves until the context ends: the database it brings, the program, the
// worker and the HTTP server, begun in this order and ended in the reverse.
// tell hears, in a sentence, what takes longer.
func run(ctx context.Context, c *config.Config, log *slog.Logger, tell func(string), during duty) (err error) {
	door := openDoor(ctx, c.HTTP.Addr, "HTTP_ADDR or --http-addr", log)
	p, err := open(ctx, c, log, tell, door.waitFor)
	if err != nil {
		door.close(ctx)
		return err
	}
	defer func() { err = errors.Join(err, p.end(ctx)) }()

	listener, err := door.handOver(ctx)
	if err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	if err := p.begin(inner, group); err != nil {
		_ = listener.Close()
		return err
	}
	p.KeyUses.Start(ctx)
	defer p.stopKeyUses(ctx)
	group.Go(func() error { return p.Server.Serve(inner, listener) })
	group.Go(func() error { p.Events.Run(inner); return nil })
	group.Go(func() error {
		err := during(inner, p.App, localURL(listener.Addr()))
		if err != nil && inner.Err() != nil {
			// Whatever it failed of, it was told to stop before it was done: a script
			// must not take half a load for a whole one.
			return fmt.Errorf("told to stop before it was done: %w", context.Canceled)
		}
		return err
	})
	return group.Wait()
}

// work does the server's background work until the context ends, and serves nothing but
// metrics and probes, where WORKER_ADDR says so. ready is called once it works.
func work(ctx context.Context, c *config.Config, log *slog.Logger, ready duty) (err error) {
	var entry *door
	waitFor := func(string) {}
	if c.HTTP.WorkerAddr != "" {
		entry = openDoor(ctx, c.HTTP.WorkerAddr, "WORKER_ADDR or --worker-addr", log)
		waitFor = entry.waitFor
	}
	p, err := open(ctx, c, log, nil, waitFor)
	if err != nil {
		entry.close(ctx)
		return err
	}
	defer func() { err = errors.Join(err, p.end(ctx)) }()
	listener, err := entry.handOver(ctx)
	if err != nil {
		return err
	}
	group, inner := errgroup.WithContext(ctx)
	if err := p.begin(inner, group); err != nil {
		if listener != nil {
			_ = listener.Close()
		}
		return err
	}
	if listener != nil {
		log.InfoContext(ctx, "metrics and probes are served", "address", localURL(listener.Addr()))
		group.Go(func() error { return p.Server.ServeProbes(inner, listener) })
	}
	group.Go(func() error { return ready(inner, p.App, "") })
	return group.Wait()
}

// program is the App with the database that it stands on, while it runs.
type program struct {
	*App

	config *config.Config
	log    *slog.Logger
	db     *databaseInUse
	// told has the time at which the program was told to stop.
	told   chan time.Time
	forget func() bool
}

// open takes the database and builds the program on it. What it gives is to be ended.
// waitFor hears, in a word, what is waited for.
func open(ctx context.Context, c *config.Config, log *slog.Logger, tell, waitFor func(string)) (*program, error) {
	waitFor("its database")
	db, err := openDatabase(ctx, c, log, tell)
	if err != nil {
		return nil, err
	}
	p := &program{config: c, log: log, db: db, told: make(chan time.Time, 1)}
	p.forget = context.AfterFunc(ctx, func() { p.told <- time.Now() })
	waitFor("the schema of its database")
	if p.App, err = Build(ctx, c, Options{DatabaseURL: db.url, Version: version(), Logger: log}); err != nil {
		return nil, errors.Join(err, p.end(ctx))
	}
	return p, nil
}

// end gives back what open has taken, once nothing runs any more.
func (p *program) end(ctx context.Context) error {
	if p.App != nil {
		p.Close()
	}
	defer p.forget()
	return p.db.stopInTime(ctx, p.told, p.config.HTTP.ShutdownTimeout+databaseStop, p.log)
}

// begin has the group do what every process of the program does: its share of the work,
// unless that is none, profiles for who asks, and a look at the database it has brought.
func (p *program) begin(ctx context.Context, group *errgroup.Group) error {
	profiles, err := listenForProfiles(ctx, p.config.HTTP.ProfileAddr)
	if err != nil {
		return err
	}
	if p.config.Operations.Concurrency > 0 {
		if err := p.Worker.Start(ctx); err != nil {
			if profiles != nil {
				_ = profiles.Close()
			}
			return err
		}
		group.Go(func() error { return stopWorker(ctx, p.App, p.config.HTTP.ShutdownTimeout+workerGrace) })
		group.Go(func() error { p.Indexer.Run(ctx); return nil })
	}
	if profiles != nil {
		group.Go(func() error { return profiling.Serve(ctx, profiles, p.log) })
	}
	group.Go(func() error { p.SchemaWatch.Run(ctx); return nil })
	group.Go(func() error { p.finishSchema(ctx); return nil })
	group.Go(func() error { return p.db.watch(ctx) })
	return nil
}

// listenForProfiles takes the address for profiles; nil when there is none.
func listenForProfiles(ctx context.Context, addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil //nolint:nilnil // no address is no listener, and no error
	}
	return profiling.Listen(ctx, addr)
}

// stopWorker waits for the end, ends what is done by the clock and lets the worker hand
// back what it is at.
func stopWorker(ctx context.Context, a *App, timeout time.Duration) error {
	<-ctx.Done()
	a.Schedule.Stop()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	return a.Worker.Stop(bounded)
}

// stopKeyUses writes what is left to write, once no request is under way any more.
func (a *App) stopKeyUses(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyUsesGrace)
	defer cancel()
	a.KeyUses.Stop(bounded)
}

// localURL is where this machine reaches a server that listens on the address.
func localURL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// databaseInUse is the database that a command works on, and how to leave it.
type databaseInUse struct {
	url string
	// server is the one that this process has started; nil for any other.
	server *postgres.Server
}

// openDatabase takes the database that is configured, and starts the embedded
// one where there is none.
func openDatabase(ctx context.Context, c *config.Config, log *slog.Logger, tell func(string)) (*databaseInUse, error) {
	if url := c.DatabaseURL(); url != "" {
		return &databaseInUse{url: url}, nil
	}
	server, err := postgres.Start(ctx, postgres.Options{
		DataDir: c.Store.DataDir, BinDir: c.Store.PostgresBin, Settings: c.Store.PostgresSettings,
		Extensions: []string{"btree_gin"}, Logger: log,
		OnProgress: tell,
	})
	if err != nil {
		return nil, err
	}
	return &databaseInUse{url: server.URL(), server: server}, nil
}

// stopInTime ends the server before the time is over since the program was told
// to, or since now when it ends for a reason of its own. That the server had to be
// ended at once is said and no failure: nothing is lost.
func (d *databaseInUse) stopInTime(ctx context.Context, told <-chan time.Time, timeout time.Duration, log *slog.Logger) error {
	began := time.Now()
	select {
	case began = <-told:
	default:
	}
	err := d.stop(context.WithoutCancel(ctx), began.Add(timeout))
	if errors.Is(err, postgres.ErrUncleanStop) {
		log.WarnContext(ctx, err.Error())
		return nil
	}
	return err
}

// stop ends the server, where this process has started it: by the deadline, or
// not long after it.
func (d *databaseInUse) stop(ctx context.Context, deadline time.Time) error {
	if d.server == nil {
		return nil
	}
	bounded, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	return d.server.Stop(bounded)
}

// watch waits for the end; a server that ended by itself is an error.
func (d *databaseInUse) watch(ctx context.Context) error {
	if d.server == nil {
		<-ctx.Done()
		return nil
	}
	select {
	case <-ctx.Done():
		return nil
	case <-d.server.Done():
		return d.server.Err()
	}
}
