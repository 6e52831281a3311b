package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"semantik/platform/pgtest"
	"semantik/platform/postgres"
)

// mostAboveBare is how much longer a start may take than that of its database.
const mostAboveBare = 0.5

// start measures the time to the first answer: with the embedded database,
// against bare pg_ctl on the same data, and with a database that runs already,
// against connecting to it.
func (b *bench) start(ctx context.Context) error {
	data := filepath.Join(b.work, "start")
	if err := b.once(ctx, data); err != nil { // makes the data
		return err
	}
	binaries, err := postgres.FindBinaries(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("looking for pg_ctl: %w", err)
	}
	var bare, ours []time.Duration
	for range b.runs {
		took, err := b.bareStart(ctx, binaries, filepath.Join(data, "postgres"))
		if err != nil {
			return err
		}
		bare = append(bare, took)
		s, err := b.serve(ctx, data)
		if err != nil {
			return err
		}
		ours = append(ours, s.took)
		if err := s.stop(); err != nil {
			return err
		}
	}
	seconds("pg_ctl -w start, PostgreSQL "+binaries.Version, median(bare))
	seconds("semantik serve, the same data", median(ours))
	linef("ratio", "%8.2f", median(ours).Seconds()/median(bare).Seconds())
	goal("above bare", (median(ours) - median(bare)).Seconds(), mostAboveBare, "s")
	return b.startOnGiven(ctx)
}

func (b *bench) once(ctx context.Context, data string, more ...string) error {
	s, err := b.serve(ctx, data, more...)
	if err != nil {
		return err
	}
	return s.stop()
}

// bareStart starts and stops the cluster without the program.
func (b *bench) bareStart(ctx context.Context, binaries postgres.Binaries, cluster string) (time.Duration, error) {
	sockets := filepath.Join(b.work, "sockets")
	if err := os.MkdirAll(sockets, 0o755); err != nil {
		return 0, fmt.Errorf("making a folder for sockets: %w", err)
	}
	if err := os.Chmod(sockets, 0o777); err != nil {
		return 0, fmt.Errorf("opening the folder for sockets: %w", err)
	}
	control := func(args ...string) error {
		command := exec.CommandContext(ctx, filepath.Join(binaries.Dir, "pg_ctl"), append([]string{"-D", cluster, "-w", "-s"}, args...)...)
		command.Dir = "/"
		if err := asOwner(command, cluster); err != nil {
			return err
		}
		if out, err := command.CombinedOutput(); err != nil {
			return fmt.Errorf("running pg_ctl: %w: %s", err, out)
		}
		return nil
	}
	began := time.Now()
	if err := control("-l", filepath.Join(sockets, "log"), "-o", "-k "+sockets, "start"); err != nil {
		return 0, err
	}
	took := time.Since(began)
	return took, control("-m", "fast", "stop")
}

// asOwner has root run a command as the owner of the path: PostgreSQL refuses
// root.
func asOwner(command *exec.Cmd, path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	info, err := os.Stat(path)
	if err != nil {
		return fmt.Errorf("looking for the owner of the data: %w", err)
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("this system does not tell who owns a folder")
	}
	command.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}}
	return nil
}

// startOnGiven measures with a database that runs already.
func (b *bench) startOnGiven(ctx context.Context) (err error) {
	given, err := pgtest.Start(ctx, postgres.BinaryOptions{BinDir: os.Getenv("SEMANTIK_POSTGRES_BIN")})
	if err != nil {
		return fmt.Errorf("starting a database: %w", err)
	}
	defer func() { err = errors.Join(err, given.Stop()) }() //nolint:contextcheck // it must end when the context has
	data, url := filepath.Join(b.work, "given"), "DATABASE_URL="+given.URL
	if err := b.once(ctx, data, url); err != nil {
		return err
	}
	var bare, ours []time.Duration
	for range b.runs {
		took, err := connect(ctx, given.URL)
		if err != nil {
			return err
		}
		bare = append(bare, took)
		s, err := b.serve(ctx, data, url)
		if err != nil {
			return err
		}
		ours = append(ours, s.took)
		if err := s.stop(); err != nil {
			return err
		}
	}
	seconds("connecting to a database that runs", median(bare))
	goal("semantik serve on it", median(ours).Seconds(), mostAboveBare, "s")
	return nil
}

func connect(ctx context.Context, url string) (time.Duration, error) {
	began := time.Now()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	_, err = conn.Exec(ctx, "select 1")
	took := time.Since(began)
	return took, errors.Join(err, conn.Close(ctx))
}
