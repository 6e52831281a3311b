package postgres

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"
)

const pidFileName = "postmaster.pid"

// pidFile is PostgreSQL's own note on the server that runs on a cluster.
type pidFile struct {
	pid       int
	port      string
	socketDir string
	ready     bool
}

// openCluster opens the folder of the cluster so that links in it, which belong
// to a less trusted account when we are root, lead nowhere else.
func openCluster(l layout) (*os.Root, error) {
	root, err := os.OpenRoot(l.cluster)
	if err != nil {
		return nil, fmt.Errorf("opening the data directory: %w", err)
	}
	return root, nil
}

// readPIDFile gives nil when there is none, and a pid of 0 when nothing can be
// read from it.
func readPIDFile(cluster *os.Root) (*pidFile, error) {
	b, err := cluster.ReadFile(pidFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the server's pid file: %w", err)
	}
	lines := strings.Split(string(b), "\n")
	line := func(n int) string {
		if n < len(lines) {
			return strings.TrimSpace(lines[n])
		}
		return ""
	}
	// A server that runs alone, for one user, writes its number negative.
	pid, err := strconv.Atoi(line(0))
	if err != nil {
		pid = 0
	}
	return &pidFile{pid: max(pid, -pid), port: line(3), socketDir: line(4), ready: line(7) == "ready"}, nil
}

// disarmPIDFile is for a pid file whose process is not the server, but another
// one that got its number since (in a container numbers are few), or a dead one
// that nobody has reaped. PostgreSQL only asks whether the number is in use, and
// would refuse to start. Removing the file would also remove the key by which it
// finds processes that still use the old server's shared memory; so only the
// number is replaced, by ours: PostgreSQL takes its parent's as stale, and goes
// on to look for those.
//
// It may only be called with the data directory locked and no server running.
func disarmPIDFile(cluster *os.Root) error {
	b, err := cluster.ReadFile(pidFileName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the server's pid file: %w", err)
	}
	first, rest, found := bytes.Cut(b, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil || !found || pid == 0 {
		// Cut off by a crash or a full disk: PostgreSQL can read nothing from it.
		return cluster.Remove(pidFileName)
	}
	if pid = max(pid, -pid); pid == os.Getpid() || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil // PostgreSQL sees by itself that it is stale
	}
	return overwrite(cluster, pidFileName, append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...))
}

// overwrite keeps owner and mode, and never leaves the file empty.
func overwrite(root *os.Root, name string, content []byte) error {
	file, err := root.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(content, 0)
	if err == nil {
		err = file.Truncate(int64(len(content)))
	}
	return errors.Join(err, file.Close())
}

// includeLine has PostgreSQL read our settings from beside the cluster. It is no
// error when the file is missing, so that a copy of the cluster starts anywhere.
const includeLine = "include_if_exists = '../semantik.conf'"

// includeSettings adds the line to postgresql.conf where it is missing.
func includeSettings(cluster *os.Root) error {
	const name = "postgresql.conf"
	file, err := cluster.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if err != nil {
		return fmt.Errorf("opening %s: %w", name, err)
	}
	b, err := io.ReadAll(file)
	if err == nil && !bytes.Contains(b, []byte("\n"+includeLine)) {
		_, err = file.WriteString("\n# Semantik's settings; read last.\n" + includeLine + "\n")
		err = errors.Join(err, file.Sync())
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("adding Semantik's settings to %s: %w", name, err)
	}
	return nil
}
