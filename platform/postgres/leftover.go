package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// serverMark stands among the arguments of each server that we start, so that
// one left over is told apart from one that somebody started by hand.
const serverMark = "cluster_name=semantik"

// running says whose server a process is, if it is one on this cluster.
type running int

const (
	notRunning running = iota
	ourServer
	foreignServer
)

// processInfo is what the system tells of a live process.
type processInfo struct {
	// args is the command line; in one string where the system does not keep
	// its parts.
	args []string
	// dir is the folder it works in; "" when that is not told.
	dir string
}

// whoRuns judges the process that a pid file names. The number may have been
// given to any other process since.
func whoRuns(ctx context.Context, pid int, cluster string) running {
	if pid <= 0 || pid == os.Getpid() {
		return notRunning
	}
	info, ok := lookUpProcess(ctx, pid)
	if !ok || len(info.args) == 0 {
		return notRunning
	}
	line := strings.Join(info.args, " ")
	program := info.args[0]
	if len(info.args) == 1 {
		program, _, _ = strings.Cut(line, " -")
	}
	if name := filepath.Base(program); name != "postgres" && name != "postmaster" {
		return notRunning
	}
	here := slices.Contains(info.args, cluster) || len(info.args) == 1 && strings.Contains(line+" ", " "+cluster+" ")
	if info.dir != "" {
		here = sameFolder(info.dir, cluster)
	}
	switch marked := strings.Contains(line, serverMark); {
	case !here:
		return notRunning
	case marked:
		return ourServer
	default:
		return foreignServer
	}
}

func sameFolder(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// The patience with a server that was left over, for each way to end it.
const (
	leftoverFast      = 30 * time.Second
	leftoverImmediate = 10 * time.Second
	leftoverKilled    = 5 * time.Second
)

// endLeftover ends a server that outlived the Semantik which started it, and
// clears what makes PostgreSQL take another process for a server. It is not
// adopted: it would go on with the settings of its time, as nobody's child, and
// not end with us. The data directory is locked, so no living Semantik uses it.
func endLeftover(ctx context.Context, l layout, log *slog.Logger) error {
	cluster, err := openCluster(l)
	if err != nil {
		return err
	}
	defer func() { _ = cluster.Close() }()
	file, err := readPIDFile(cluster)
	if err != nil || file == nil {
		return err
	}
	switch whoRuns(ctx, file.pid, l.cluster) {
	case foreignServer:
		return ErrForeignServer.WithMessagef(
			"A PostgreSQL that Semantik did not start (process %d) is running on %s. "+
				"Stop it first, for example with pg_ctl stop -D.", file.pid, l.cluster)
	case ourServer:
		log.WarnContext(ctx, "ending a PostgreSQL that outlived the Semantik which started it", "pid", file.pid)
		if err := endProcess(ctx, file.pid, l.cluster); err != nil {
			return err
		}
	case notRunning:
	}
	return disarmPIDFile(cluster)
}

func endProcess(ctx context.Context, pid int, cluster string) error {
	for _, step := range []struct {
		signal   syscall.Signal
		patience time.Duration
	}{
		{syscall.SIGINT, leftoverFast},       // ends its sessions and writes a checkpoint
		{syscall.SIGQUIT, leftoverImmediate}, // leaves the rest to recovery
		{syscall.SIGKILL, leftoverKilled},
	} {
		if whoRuns(ctx, pid, cluster) != ourServer {
			return nil
		}
		if err := syscall.Kill(pid, step.signal); err != nil && whoRuns(ctx, pid, cluster) == ourServer {
			return fmt.Errorf("ending the PostgreSQL of process %d, which was left over: %w", pid, err)
		}
		for until := time.Now().Add(step.patience); time.Now().Before(until); {
			if whoRuns(ctx, pid, cluster) != ourServer {
				return nil
			}
			if err := pause(ctx, 20*time.Millisecond); err != nil {
				return fmt.Errorf("waiting for the PostgreSQL of process %d, which was left over, to end: %w", pid, err)
			}
		}
	}
	return ErrForeignServer.WithMessagef("The PostgreSQL of process %d, which was left over on %s, does not end.", pid, cluster)
}
