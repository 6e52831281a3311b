package postgres

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
)

// socketPathLimit is the longest path of a socket that every system takes: the
// field for it has 104 bytes with the closing zero on macOS, 108 on Linux.
const socketPathLimit = 103

func socketPath(dir, port string) string { return filepath.Join(dir, ".s.PGSQL."+port) }

// socketDir makes the folder of the sockets, which the server's account alone
// may enter: beside the data, or in a short place where that path is too long or
// holds a comma, which in a database URL separates hosts. The second is told
// apart by the data directory's own name.
func socketDir(l layout, a account, port string) (string, error) {
	dir := l.sockets
	if len(socketPath(dir, port)) > socketPathLimit || strings.Contains(dir, ",") {
		dir = shortSocketDir(l.dir)
		if len(socketPath(dir, port)) > socketPathLimit {
			return "", ErrDataDirectory.WithMessagef(
				"There is no folder with a path short enough for the server's socket; the shortest is %s. "+
					"Choose a data directory with a shorter path (SEMANTIK_DATA).", dir)
		}
	}
	if err := makeSocketDir(dir, a); err != nil {
		return "", ErrDataDirectory.WithMessagef("The folder for the server's socket, %s, cannot be used: %v.", dir, err).WithCause(err)
	}
	return dir, nil
}

// shortSocketDir prefers a folder that no other account can write to: in a shared
// one somebody could take the name before us, which is noticed but in the way.
func shortSocketDir(dataDir string) string {
	sum := sha256.Sum256([]byte(dataDir))
	name := "semantik-" + hex.EncodeToString(sum[:6])
	candidates := []string{os.Getenv("XDG_RUNTIME_DIR"), os.TempDir()}
	if os.Geteuid() == 0 {
		candidates = []string{"/run"}
	}
	for _, parent := range candidates {
		dir := filepath.Join(parent, name)
		if filepath.IsAbs(dir) && isDir(parent) && !strings.Contains(dir, ",") && len(socketPath(dir, "65535")) <= socketPathLimit {
			return dir
		}
	}
	return filepath.Join("/tmp", name)
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func makeSocketDir(dir string, a account) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is not a folder")
	}
	if uid, _ := owner(info); uid != a.uid {
		// Only what is ours to give away: made by us a moment ago, or left by a
		// start with another account.
		if uid != os.Geteuid() && filepath.Base(dir) != "run" {
			return fmt.Errorf("it belongs to %s", userName(uid))
		}
		if err := a.own(dir); err != nil {
			return err
		}
	}
	return os.Chmod(dir, 0o700)
}

// clearSockets removes what a killed server left. It may only be called when no
// server runs: the files name a process that may by now be any other, for which
// PostgreSQL would refuse to start.
func clearSockets(dir, port string) error {
	for _, path := range []string{socketPath(dir, port), socketPath(dir, port) + ".lock"} {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing the socket of a server that is gone: %w", err)
		}
	}
	return nil
}

// databaseURL is understood by pgx and by psql alike. The port is spelled out,
// for both would else take it from the environment.
func databaseURL(database, password, dir, port string) string {
	// A plus sign for a space is not understood by libpq.
	host := strings.ReplaceAll(url.QueryEscape(dir), "+", "%20")
	return fmt.Sprintf("postgres://%s:%s@/%s?host=%s&port=%s",
		roleName, url.QueryEscape(password), database, host, port)
}
