package config

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// maxSecretFile bounds what is read as a secret.
const maxSecretFile = 4 << 10

// LoadOrCreateSecret returns the secret that the file holds, and makes one of 32
// random bytes (as 43 characters) when there is no file. It is safe between
// processes: the file appears whole or not at all, and all who start at once get
// the same secret. The folder is made when it is missing.
//
// A file that others may read, that is too short, or that is no file at all is
// refused: a secret that is perhaps known is worse than none.
func LoadOrCreateSecret(path string) (string, error) {
	secret, err := readSecret(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return secret, err
	}
	if err := createSecret(path); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	// Whoever came first, the file now holds the secret of all.
	return readSecret(path)
}

func readSecret(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", fmt.Errorf("opening the secret's file: %w", err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return "", fmt.Errorf("looking at the secret's file: %w", err)
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("the secret %s is not a file", path)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("the secret %s can be read by others (mode %04o): run \"chmod 600 %s\", or remove it to get a new one, which ends all sessions", path, info.Mode().Perm(), path)
	}
	data, err := io.ReadAll(io.LimitReader(file, maxSecretFile))
	if err != nil {
		return "", fmt.Errorf("reading the secret's file: %w", err)
	}
	secret := strings.TrimSpace(string(data))
	if len(secret) < MinKeyBytes {
		return "", fmt.Errorf("the secret %s has %d bytes and needs %d: remove it to get a new one, which ends all sessions", path, len(secret), MinKeyBytes)
	}
	return secret, nil
}

// createSecret writes a file beside path and links it to path: a link appears
// with its content or not at all, and fails with fs.ErrExist for those who come
// second.
func createSecret(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // the database's account passes through it
		return fmt.Errorf("making the folder for the secret: %w", err)
	}
	random := make([]byte, MinKeyBytes)
	_, _ = rand.Read(random) // never fails
	temporary, err := os.CreateTemp(dir, ".secret-*")
	if err != nil {
		return fmt.Errorf("making the secret's file: %w", err)
	}
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.WriteString(base64.RawURLEncoding.EncodeToString(random) + "\n")
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return fmt.Errorf("writing the secret's file: %w", err)
	}
	if err := os.Link(temporary.Name(), path); err != nil {
		return fmt.Errorf("putting the secret's file in its place: %w", err)
	}
	return syncFolder(dir)
}

// syncFolder makes the new name survive a crash.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("opening the secret's folder: %w", err)
	}
	defer func() { _ = folder.Close() }()
	// Not every file system can; the file itself is written.
	_ = folder.Sync()
	return nil
}
