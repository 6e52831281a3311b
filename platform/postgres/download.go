package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// archiveLimit is far above the largest archive (33 MB).
	archiveLimit = 200 << 20
	// downloadTries: a first start should survive a connection that is cut once.
	downloadTries = 3
	// downloadStall ends a download that brings no byte for so long.
	downloadStall = 60 * time.Second
	// unpackingPrefix marks what is not complete yet, and is never used.
	unpackingPrefix = ".unpacking-"
)

// fetched fetches a release into the cache and unpacks it there. Of several
// processes one does so and the others wait for it.
func fetched(ctx context.Context, o BinaryOptions) (Binaries, error) {
	r, sum, err := o.release()
	if err != nil {
		return Binaries{}, err
	}
	dir, err := o.cacheDir()
	if err != nil {
		return Binaries{}, err
	}
	if err := makeOpenDir(dir, 0o755); err != nil {
		return Binaries{}, fmt.Errorf("the cache cannot be made: %w", err)
	}
	final := filepath.Join(dir, unpackedName(r.version))
	lock, err := waitLock(ctx, filepath.Join(dir, "."+unpackedName(r.version)+".lock"))
	if err != nil {
		return Binaries{}, err
	}
	defer lock.release()
	b := unpackedIn(final, r.version)
	if absentProgram(b.Dir) == "" {
		b.Source = SourceCache
		return b, nil
	}
	if err := o.install(ctx, r, sum, final); err != nil {
		return Binaries{}, fmt.Errorf("PostgreSQL %s could not be fetched: %w", r.version, err)
	}
	b.Source = SourceDownload
	return b, o.fits(ctx, b)
}

// release chooses what to fetch: the newest of the wanted major for this machine.
func (o BinaryOptions) release() (r release, sum string, err error) {
	if o.Offline {
		return release{}, "", errors.New("fetching is switched off")
	}
	all := o.releases
	if all == nil {
		all = releases()
	}
	for _, r := range all {
		if o.Major != 0 && r.major != o.Major {
			continue
		}
		if sum, ok := r.sums[platform()]; ok {
			return r, sum, nil
		}
	}
	return release{}, "", fmt.Errorf("there is nothing to fetch for %s", platform())
}

// install is called with the lock held, so whatever is half done is left over
// from a process that ended.
func (o BinaryOptions) install(ctx context.Context, r release, sum, final string) error {
	work := filepath.Join(filepath.Dir(final), unpackingPrefix+filepath.Base(final))
	if err := os.RemoveAll(work); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(work) }()
	if err := os.Mkdir(work, 0o700); err != nil {
		return err
	}
	archive := filepath.Join(work, "archive")
	o.progressf("Downloading PostgreSQL %s (once, 15 to 33 MB) …", r.version)
	if err := o.download(ctx, r, sum, archive); err != nil {
		return err
	}
	o.progressf("Unpacking PostgreSQL %s …", r.version)
	tree := filepath.Join(work, "tree")
	if err := unpack(ctx, archive, tree); err != nil {
		return fmt.Errorf("unpacking: %w", err)
	}
	if _, err := inspect(ctx, tree); err != nil {
		return fmt.Errorf("what was fetched does not run on this machine: %w", err)
	}
	// The files must be on the disk before the name that says they are complete.
	syncDisks()
	if err := os.RemoveAll(final); err != nil {
		return err
	}
	if err := os.Rename(tree, final); err != nil {
		return err
	}
	return syncDir(filepath.Dir(final))
}

// permanentError is what trying again does not mend.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

func (o BinaryOptions) download(ctx context.Context, r release, sum, path string) error {
	base := o.Repository
	if base == "" {
		var err error
		if base, err = DefaultRepository(); err != nil {
			return err
		}
	}
	address := strings.TrimRight(base, "/") + "/" + r.archivePath(platform())
	var err error
	for try := range downloadTries {
		if try > 0 {
			o.logger().WarnContext(ctx, "downloading PostgreSQL failed, trying again", "err", err)
			if pause(ctx, time.Duration(try)*time.Second) != nil {
				break
			}
		}
		err = downloadOnce(ctx, address, sum, path)
		if permanent := (permanentError{}); err == nil || errors.As(err, &permanent) || ctx.Err() != nil {
			break
		}
	}
	return err
}

// downloadOnce stores the archive and checks its sum as it comes.
func downloadOnce(ctx context.Context, address, sum, path string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(downloadStall, func() {
		cancel(fmt.Errorf("nothing came for %s", downloadStall))
	})
	defer watchdog.Stop()

	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return permanentError{err}
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true}
	defer transport.CloseIdleConnections()
	answer, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		return causeOf(ctx, err)
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		err := fmt.Errorf("%s answered %s", address, answer.Status)
		if answer.StatusCode < http.StatusInternalServerError && answer.StatusCode != http.StatusTooManyRequests {
			return permanentError{err}
		}
		return err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return permanentError{err}
	}
	hash := sha256.New()
	body := &watchedReader{r: io.LimitReader(answer.Body, archiveLimit), alive: func() { watchdog.Reset(downloadStall) }}
	_, err = io.Copy(io.MultiWriter(file, hash), body)
	if err = errors.Join(err, file.Close()); err != nil {
		return causeOf(ctx, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return permanentError{fmt.Errorf("the archive is not the one expected: its SHA-256 is %s, not %s", got, sum)}
	}
	return nil
}

// causeOf prefers the reason for which we ended a download to "canceled".
func causeOf(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watchedReader tells of each read that brought something.
type watchedReader struct {
	r     io.Reader
	alive func()
}

func (w *watchedReader) Read(p []byte) (int, error) {
	n, err := w.r.Read(p)
	if n > 0 {
		w.alive()
	}
	return n, err
}
