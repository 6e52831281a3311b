package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const (
	// readyInterval is how often a server that starts is asked; it usually takes
	// 50 ms to 200 ms.
	readyInterval = 10 * time.Millisecond
	// recoveryInterval is how often once it is known to take longer.
	recoveryInterval = 100 * time.Millisecond
	// patienceForStart is when a start that is still going on is spoken of.
	patienceForStart = 3 * time.Second
	// stallLimit ends a start whose log says nothing new for so long. A recovery
	// reports every ten seconds; only its last checkpoint is silent.
	stallLimit = 5 * time.Minute
	// deafLimit ends a start whose server says that it is ready but cannot be
	// reached at its socket.
	deafLimit = 20 * time.Second
	// orphanPatience is how long the processes of a server that was killed may
	// take to notice.
	orphanPatience = 20 * time.Second
)

// launchUntilReady starts the server, again while processes of one that was
// killed still use its memory: they end by themselves, soon.
func (s *start) launchUntilReady(ctx context.Context) (*Server, error) {
	for until := time.Now().Add(orphanPatience); ; {
		p, err := s.launch() //nolint:contextcheck // the server outlives the context of its start
		if err != nil {
			return nil, err
		}
		err = s.awaitReady(ctx, p)
		if err == nil {
			return &Server{
				url: s.url, bin: s.bin, dataDir: s.dir, socketDir: s.socketDir, process: p, logger: s.o.logger(),
			}, nil
		}
		orphans := p.ended() && strings.Contains(p.log.tail(20), "pre-existing shared memory block")
		stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		p.end(stopCtx)
		cancel()
		if !orphans || time.Now().After(until) || pause(ctx, 200*time.Millisecond) != nil {
			return nil, err
		}
	}
}

// awaitReady returns when the database answers, the process has ended, the
// context has, or nothing goes on any more.
func (s *start) awaitReady(ctx context.Context, p *process) error {
	config, err := pgx.ParseConfig(s.url)
	if err != nil {
		return fmt.Errorf("reading our own database URL: %w", err)
	}
	config.ConnectTimeout = 5 * time.Second
	progress := startProgress{began: time.Now(), size: p.log.size(), changed: time.Now()}
	interval := readyInterval
	for {
		ready, err := tryConnect(ctx, config)
		var refusal *pgconn.PgError
		switch {
		case ready:
			return nil
		case p.ended():
			return startFailed(p, "ended at once", nil)
		case ctx.Err() != nil:
			return startFailed(p, "was not ready in time", ctx.Err())
		case errors.As(err, &refusal) && refusal.Code != codeStarting:
			return s.refused(err)
		}
		if reason := s.stalled(p, &progress); reason != "" {
			return startFailed(p, reason, err)
		}
		if interval == readyInterval && time.Since(progress.began) > patienceForStart {
			interval = recoveryInterval
			s.o.progressf("PostgreSQL is still starting; after a crash it first recovers what was written (%s tells more) …", p.log.path)
		}
		timer := time.NewTimer(interval)
		select {
		case <-p.done:
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// startProgress is what tells a slow start from one that hangs.
type startProgress struct {
	began   time.Time
	size    int64     // of the log
	changed time.Time // when it last grew
}

// stalled says why waiting has no more sense; "" while it has.
func (s *start) stalled(p *process, progress *startProgress) string {
	if size := p.log.size(); size != progress.size {
		progress.size, progress.changed = size, time.Now()
	}
	silent := time.Since(progress.changed)
	if silent > stallLimit {
		return fmt.Sprintf("is not ready, and said nothing new for %s", stallLimit)
	}
	if silent > deafLimit {
		if file, err := readPIDFileOf(s.layout); err == nil && file != nil && file.pid == p.pid && file.ready {
			return "is ready, but cannot be reached at its socket in " + s.socketDir
		}
	}
	return ""
}

func startFailed(p *process, what string, cause error) error {
	return ErrStart.WithMessagef("PostgreSQL %s. The last lines of its log (%s):\n%s", what, p.log.path, p.log.tail(20)).WithCause(cause)
}

// PostgreSQL's codes for what a connection at start may meet.
const (
	codeStarting        = "57P03"
	codeNoDatabase      = "3D000"
	codeWrongPassword   = "28P01"
	codeDatabaseIsThere = "42P04"
)

// tryConnect reports whether the database answers, and makes it where it is
// missing; then, and while nothing listens yet, it wants to be called again.
func tryConnect(ctx context.Context, config *pgx.ConnConfig) (ready bool, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		return true, conn.Close(ctx)
	}
	var refusal *pgconn.PgError
	if !errors.As(err, &refusal) || refusal.Code != codeNoDatabase {
		return false, err
	}
	return false, createDatabase(ctx, config)
}

// createDatabaseSQL copies the template that nobody can have changed.
const createDatabaseSQL = `create database ` + databaseName + ` owner ` + roleName + ` template template0`

func createDatabase(ctx context.Context, config *pgx.ConnConfig) error {
	admin := config.Copy()
	admin.Database = "postgres"
	conn, err := pgx.ConnectConfig(ctx, admin)
	if err != nil {
		return err
	}
	_, err = conn.Exec(ctx, createDatabaseSQL)
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == codeDatabaseIsThere {
		err = nil
	}
	if err = errors.Join(err, conn.Close(ctx)); err != nil {
		return fmt.Errorf("creating the database: %w", err)
	}
	return nil
}

// refused explains what the server answered to a connection of ours.
func (s *start) refused(err error) error {
	var refusal *pgconn.PgError
	if errors.As(err, &refusal) && refusal.Code == codeWrongPassword {
		return ErrStart.WithMessagef(
			"PostgreSQL does not take the password in %s. Remove that file and start again: a new password is then set.", s.password).WithCause(err)
	}
	return ErrStart.WithMessagef("PostgreSQL runs, but the database cannot be used: %v.", err).WithCause(err)
}
