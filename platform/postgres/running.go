package postgres

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Running is a server of ours that another process has started.
type Running struct {
	// URL connects to the database; it carries the password.
	URL string
	// PID is the number of the server's main process.
	PID int
}

// FindRunning looks for a server that runs and is ready on a data directory,
// [DefaultDataDir] when empty, without starting or changing anything: for a
// command that works beside a server in use. [ErrNotRunning] when there is none.
func FindRunning(ctx context.Context, dataDir string) (Running, error) {
	if dataDir == "" {
		var err error
		if dataDir, err = DefaultDataDir(); err != nil {
			return Running{}, err
		}
	}
	dir, err := filepath.Abs(dataDir)
	if err == nil {
		dir, err = filepath.EvalSymlinks(dir)
	}
	notThere := ErrNotRunning.WithMessagef("No PostgreSQL of Semantik is running on %s.", dataDir)
	if err != nil {
		return Running{}, notThere.WithCause(err)
	}
	l := layoutOf(dir)
	file, err := readPIDFileOf(l)
	if errors.Is(err, os.ErrPermission) {
		return Running{}, ErrDataDirectory.WithMessagef("The data directory %s cannot be read.", dir).WithCause(err)
	}
	if err != nil || file == nil || !file.ready || whoRuns(ctx, file.pid, l.cluster) != ourServer {
		return Running{}, notThere.WithCause(err)
	}
	password, err := readPassword(l.password)
	if err != nil {
		return Running{}, ErrDataDirectory.WithMessagef("The database password %s cannot be read.", l.password).WithCause(err)
	}
	return Running{URL: databaseURL(databaseName, password, file.socketDir, file.port), PID: file.pid}, nil
}

// HasCluster reports whether a data directory, [DefaultDataDir] when empty, holds a
// database, without making anything; dir is the directory that was looked at.
func HasCluster(dataDir string) (dir string, there bool, err error) {
	if dataDir == "" {
		if dataDir, err = DefaultDataDir(); err != nil {
			return "", false, err
		}
	}
	if dir, err = filepath.Abs(dataDir); err != nil {
		return dataDir, false, fmt.Errorf("resolving the data directory: %w", err)
	}
	there, err = layoutOf(dir).hasCluster()
	return dir, there, err
}

func readPIDFileOf(l layout) (*pidFile, error) {
	cluster, err := openCluster(l)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = cluster.Close() }()
	return readPIDFile(cluster)
}
