package postgres_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
)

const script = "#!/bin/sh\necho 'postgres (PostgreSQL) 16.3'\n"

// goodTree is what an archive holds, in little: no entry for the folder bin, a
// link, a mode that shuts others out.
func goodTree() []tar.Header {
	return []tar.Header{
		{Name: "lib/", Typeflag: tar.TypeDir, Mode: 0o700},
		{Name: "lib/libpq.so.5.16", Typeflag: tar.TypeReg, Mode: 0o600},
		{Name: "lib/libpq.so", Typeflag: tar.TypeSymlink, Linkname: "libpq.so.5.16"},
		{Name: "bin/postgres", Typeflag: tar.TypeReg, Mode: 0o700},
		{Name: "./bin/initdb", Typeflag: tar.TypeReg, Mode: 0o755},
	}
}

// archive packs headers as releases are packed, each file with the same content.
func archive(t *testing.T, headers ...tar.Header) (content []byte, sum string) {
	t.Helper()
	var tree, outer bytes.Buffer
	tw := tar.NewWriter(&tree)
	for _, h := range headers {
		if h.Typeflag == tar.TypeReg {
			h.Size = int64(len(script))
		}
		require.NoError(t, tw.WriteHeader(&h))
		if h.Typeflag == tar.TypeReg {
			_, err := tw.Write([]byte(script))
			require.NoError(t, err)
		}
	}
	require.NoError(t, tw.Close())
	zw := zip.NewWriter(&outer)
	w, err := zw.Create("postgres-test.txz")
	require.NoError(t, err)
	_, err = w.Write(xzStored(tree.Bytes()))
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return outer.Bytes(), sumOf(outer.Bytes())
}

func sumOf(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// repository serves an archive, however it is asked for, and counts.
func repository(t *testing.T, serve func(w http.ResponseWriter, n int64)) (address string, requests *atomic.Int64) {
	t.Helper()
	requests = new(atomic.Int64)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := requests.Add(1)
		if !strings.HasSuffix(r.URL.Path, "-16.3.0.jar") {
			http.NotFound(w, r)
			return
		}
		serve(w, n)
	}))
	t.Cleanup(server.Close)
	return server.URL + "/", requests
}

func serving(content []byte) func(http.ResponseWriter, int64) {
	return func(w http.ResponseWriter, _ int64) { _, _ = w.Write(content) }
}

func fetchOptions(t *testing.T, address, sum string) postgres.BinaryOptions {
	t.Helper()
	return postgres.WithRelease(postgres.BinaryOptions{
		CacheDir: filepath.Join(tempDir(t), "a", "cache"), LocalDirs: []string{}, Repository: address,
	}, "16.3", sum)
}

func TestFindBinaries_fetchesOnceForAll(t *testing.T) {
	t.Parallel()
	content, sum := archive(t, goodTree()...)
	address, requests := repository(t, serving(content))
	o := fetchOptions(t, address, sum)
	var mu sync.Mutex
	var told []string
	o.OnProgress = func(message string) {
		mu.Lock()
		defer mu.Unlock()
		told = append(told, message)
	}
	// Left by a process that was killed midway.
	stale := filepath.Join(o.CacheDir, ".unpacking-"+postgres.UnpackedName("16.3"), "tree")
	require.NoError(t, os.MkdirAll(stale, 0o700))

	const n = 8
	results := make([]postgres.Binaries, n)
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { results[i], errs[i] = postgres.FindBinaries(t.Context(), o) })
	}
	wg.Wait()
	sources := map[postgres.Source]int{}
	for i := range n {
		require.NoError(t, errs[i])
		sources[results[i].Source]++
		require.Equal(t, "16.3", results[i].Version)
	}
	require.Equal(t, map[postgres.Source]int{postgres.SourceDownload: 1, postgres.SourceCache: n - 1}, sources)
	require.EqualValues(t, 1, requests.Load())
	require.Len(t, told, 2)
	require.Contains(t, told[0], "Downloading PostgreSQL 16.3")

	t.Run("everybody may read it, whatever modes the archive has", func(t *testing.T) {
		root := filepath.Dir(results[0].Dir)
		for path, mode := range map[string]os.FileMode{
			".": 0o755, "bin": 0o755, "lib": 0o755, "bin/postgres": 0o755, "bin/initdb": 0o755, "lib/libpq.so.5.16": 0o644,
		} {
			info, err := os.Stat(filepath.Join(root, path))
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode().Perm(), path)
		}
		target, err := os.Readlink(filepath.Join(root, "lib", "libpq.so"))
		require.NoError(t, err)
		require.Equal(t, "libpq.so.5.16", target)
	})
	t.Run("nothing is left beside it", func(t *testing.T) {
		entries, err := os.ReadDir(o.CacheDir)
		require.NoError(t, err)
		require.Len(t, entries, 2, "the tree and the lock")
	})
	t.Run("the next time nothing is fetched", func(t *testing.T) {
		o.Offline = true
		b, err := postgres.FindBinaries(t.Context(), o)
		require.NoError(t, err)
		require.Equal(t, postgres.SourceCache, b.Source)
	})
}

func TestFindBinaries_refusesABadDownload(t *testing.T) {
	t.Parallel()
	good, sum := archive(t, goodTree()...)
	changed := bytes.Clone(good)
	changed[len(changed)/2] ^= 1
	with := func(h tar.Header) ([]byte, string) { return archive(t, append(goodTree(), h)...) }
	climbing, climbingSum := with(tar.Header{Name: "../../escaped", Typeflag: tar.TypeReg, Mode: 0o644})
	linking, linkingSum := with(tar.Header{Name: "lib/out", Typeflag: tar.TypeSymlink, Linkname: "../../.."})
	rooted, rootedSum := with(tar.Header{Name: "lib/out", Typeflag: tar.TypeSymlink, Linkname: "/etc"})
	device, deviceSum := with(tar.Header{Name: "lib/device", Typeflag: tar.TypeFifo})
	foreign, foreignSum := archive(t, tar.Header{Name: "readme", Typeflag: tar.TypeReg, Mode: 0o644})

	for name, c := range map[string]struct {
		content  []byte
		sum      string
		says     string
		requests int64
	}{
		"one bit changed":               {changed, sum, "the archive is not the one expected", 1},
		"cut off":                       {good[:len(good)/2], sum, "the archive is not the one expected", 1},
		"a page of a portal":            {[]byte("<html>log in</html>"), sum, "the archive is not the one expected", 1},
		"no archive at all":             {[]byte("x"), sumOf([]byte("x")), "unpacking", 1},
		"a path that climbs out":        {climbing, climbingSum, "leads out of the archive", 1},
		"a link that climbs out":        {linking, linkingSum, "leads out of the archive", 1},
		"a link to the system":          {rooted, rootedSum, "leads out of the archive", 1},
		"neither file, folder nor link": {device, deviceSum, "is neither a file nor a folder nor a link", 1},
		"without the programs":          {foreign, foreignSum, "does not run on this machine", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address, requests := repository(t, serving(c.content))
			o := fetchOptions(t, address, c.sum)
			_, err := postgres.FindBinaries(t.Context(), o)
			require.ErrorIs(t, err, postgres.ErrNoBinaries)
			require.ErrorContains(t, err, c.says)
			require.Equal(t, c.requests, requests.Load())
			entries, err := os.ReadDir(o.CacheDir)
			require.NoError(t, err)
			require.Len(t, entries, 1, "the lock alone")
			require.NoFileExists(t, filepath.Join(o.CacheDir, "..", "escaped"))
		})
	}
}

func TestFindBinaries_aBadConnection(t *testing.T) {
	t.Parallel()
	content, sum := archive(t, goodTree()...)
	t.Run("one that is cut is tried again", func(t *testing.T) {
		t.Parallel()
		address, requests := repository(t, func(w http.ResponseWriter, n int64) {
			if n == 1 {
				w.Header().Set("Content-Length", "1000000")
				_, _ = w.Write(content[:10])
				return
			}
			_, _ = w.Write(content)
		})
		b, err := postgres.FindBinaries(t.Context(), fetchOptions(t, address, sum))
		require.NoError(t, err)
		require.Equal(t, postgres.SourceDownload, b.Source)
		require.EqualValues(t, 2, requests.Load())
	})
	t.Run("what is not there is not asked for again", func(t *testing.T) {
		t.Parallel()
		address, requests := repository(t, func(w http.ResponseWriter, _ int64) { w.WriteHeader(http.StatusForbidden) })
		_, err := postgres.FindBinaries(t.Context(), fetchOptions(t, address, sum))
		require.ErrorIs(t, err, postgres.ErrNoBinaries)
		require.ErrorContains(t, err, "403 Forbidden")
		require.EqualValues(t, 1, requests.Load())
	})
	t.Run("one that hangs ends with the context", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		address, _ := repository(t, func(w http.ResponseWriter, _ int64) {
			w.WriteHeader(http.StatusOK)
			_ = http.NewResponseController(w).Flush()
			cancel()
			<-release
		})
		_, err := postgres.FindBinaries(ctx, fetchOptions(t, address, sum))
		close(release)
		require.ErrorIs(t, err, context.Canceled)
	})
}
