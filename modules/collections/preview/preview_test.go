package preview_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
	"semantik/modules/collections/preview"
	"semantik/modules/documents/extract"
	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/pgtest"
	"semantik/testworld"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

const route = "/api/v2/directory-scan/preview"

// tree makes files with their names as content.
func tree(t *testing.T, names ...string) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	for _, name := range names {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(name), 0o600))
	}
	return root
}

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

func TestPreview_ShowsTheFilesOfAFolder(t *testing.T) {
	t.Parallel()
	root := tree(t, "docs/a.md", "docs/deep/b.txt", "docs/c.png", "docs/.hidden.md", "other/d.md")
	require.NoError(t, os.Symlink("/etc/passwd", root+"/docs/out.md"))
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("DOCUMENT_ROOTS="+root))
	alice := w.User("alice")
	id := uuid.New()
	body := w.Request(testworld.Scenario{
		As: &alice, Method: http.MethodPost, URL: route, Status: http.StatusOK, Pure: true,
		Body: map[string]any{"path": root + "/docs/", "scan_id": id, "recursive": true, "include_patterns": []string{"*.md", "*.txt"}, "exclude_patterns": nil},
	}).JSON(t)
	require.Equal(t, id.String(), body["scan_id"])
	require.Equal(t, root+"/docs", body["path"])
	require.EqualValues(t, 2, body["total_files"])
	require.EqualValues(t, len("docs/a.md")+len("docs/deep/b.txt"), body["total_size"])
	require.Equal(t, []any{"out.md: is a link that leads out of the source"}, body["warnings"])
	files, ok := body["files"].([]any)
	require.True(t, ok)
	first, ok := files[0].(map[string]any)
	require.True(t, ok)
	modified, err := time.Parse(time.RFC3339Nano, fmt.Sprint(first["modified_at"]))
	require.NoError(t, err)
	require.WithinDuration(t, time.Now(), modified, time.Hour)
	delete(first, "modified_at")
	require.Equal(t, map[string]any{
		"file_path": "a.md", "file_name": "a.md", "file_size": float64(9), "mime_type": "text/markdown", "content_hash": hash("docs/a.md"),
	}, first)
	second, ok := files[1].(map[string]any)
	require.True(t, ok)
	require.Equal(t, "deep/b.txt", second["file_path"])
	require.Equal(t, "b.txt", second["file_name"])
}

func TestPreview_WhatIsRefused(t *testing.T) {
	t.Parallel()
	root := tree(t, "docs/a.md")
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("DOCUMENT_ROOTS="+root))
	alice := w.User("alice")
	for name, c := range map[string]struct {
		body   map[string]any
		status int
		has    string
	}{
		"no path":               {map[string]any{"scan_id": uuid.New()}, 422, "path"},
		"a blank path":          {map[string]any{"path": " ", "scan_id": uuid.New()}, 400, "source_path_missing"},
		"no scan id":            {map[string]any{"path": root}, 422, "scan_id"},
		"a scan id that is not": {map[string]any{"path": root, "scan_id": "1"}, 422, "scan_id"},
		"outside":               {map[string]any{"path": "/etc", "scan_id": uuid.New()}, 403, "directory_outside_roots"},
		"up and out":            {map[string]any{"path": root + "/../../etc", "scan_id": uuid.New()}, 403, "directory_outside_roots"},
		"not there":             {map[string]any{"path": root + "/nothing", "scan_id": uuid.New()}, 404, "directory_not_found"},
		"a file":                {map[string]any{"path": root + "/docs/a.md", "scan_id": uuid.New()}, 400, "not_a_directory"},
		"a bad pattern":         {map[string]any{"path": root, "scan_id": uuid.New(), "include_patterns": []string{"["}}, 422, "body.include_patterns[0]"},
	} {
		w.In(t).Request(testworld.Scenario{Name: name, As: &alice, Method: http.MethodPost, URL: route, Body: c.body, Status: c.status, Has: []string{c.has}, Pure: true})
	}
	off := testworld.New(t, testworld.NoWorker())
	off.Request(testworld.Scenario{
		As: &off.Root, Method: http.MethodPost, URL: route, Body: map[string]any{"path": root, "scan_id": uuid.New()},
		Status: http.StatusForbidden, Has: []string{"directory_sources_off", "DOCUMENT_ROOTS"},
	})
}

// scan makes a preview without a server.
func scan(ctx context.Context, root string, watcher preview.Watcher, config preview.Config) (preview.Result, error) {
	s := preview.NewService(connectors.New(directory.New([]string{root})), extract.DetectMIME, watcher, config)
	return s.Scan(ctx, preview.Input{ScanID: uuid.New(), Type: directory.Type, Config: fmt.Appendf(nil, `{"path": %q}`, root)})
}

func signedIn(t *testing.T) context.Context {
	t.Helper()
	return auth.WithIdentity(t.Context(), auth.Identity{UserID: 1, Username: "alice"})
}

func TestPreview_WhatIsCutShortIsTold(t *testing.T) {
	t.Parallel()
	root := tree(t, "a", "bb", "ccc", "dddd")
	r, err := scan(signedIn(t), root, nil, preview.Config{MaxFiles: 3})
	require.NoError(t, err)
	require.Len(t, r.Files, 3)
	require.EqualValues(t, 4, r.TotalFiles)
	require.EqualValues(t, 10, r.TotalSize)
	require.Equal(t, []string{"Only the first 3 of 4 files are listed."}, r.Warnings)

	r, err = scan(signedIn(t), root, nil, preview.Config{MaxBytes: 5})
	require.NoError(t, err)
	require.Len(t, r.Files, 4)
	require.Equal(t, []string{hash("a"), hash("bb"), "", ""}, []string{r.Files[0].Hash, r.Files[1].Hash, r.Files[2].Hash, r.Files[3].Hash})
	require.EqualValues(t, 10, r.TotalSize)
	require.Equal(t, []string{"2 of the 4 files listed were not read, for a preview reads 5 bytes in all: their content_hash is empty."}, r.Warnings)

	r, err = scan(signedIn(t), root, nil, preview.Config{HashTimeout: time.Nanosecond})
	require.NoError(t, err)
	require.Len(t, r.Files, 4)
	require.Empty(t, r.Files[0].Hash)
	require.Equal(t, []string{`There was no time to read the files from "a" on, 4 of the 4 listed: their content_hash is empty.`}, r.Warnings)

	r, err = scan(signedIn(t), root, nil, preview.Config{ListTimeout: time.Nanosecond})
	require.NoError(t, err)
	require.Zero(t, r.TotalFiles)
	require.Contains(t, strings.Join(r.Warnings, "\n"), "there are more files than were counted")
}

func TestPreview_AFileThatIsTooMuchToReadDoesNotKeepThoseAfterItFromBeingRead(t *testing.T) {
	t.Parallel()
	root := tree(t, "a big one", "b", "cc", "too much", "e")
	r, err := scan(signedIn(t), root, nil, preview.Config{MaxBytes: 4})
	require.NoError(t, err)
	hashes := map[string]string{}
	for _, f := range r.Files {
		hashes[f.Path] = f.Hash
	}
	require.Equal(t, map[string]string{"a big one": "", "b": hash("b"), "cc": hash("cc"), "too much": "", "e": hash("e")}, hashes)
	require.Equal(t, []string{"2 of the 5 files listed were not read, for a preview reads 4 bytes in all: their content_hash is empty."}, r.Warnings)
}

func TestPreview_TellsHowFarItIsAndEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	root := tree(t, "a", "bb", "ccc")
	var seen []preview.Progress
	_, err := scan(signedIn(t), root, func(_ context.Context, _ uuid.UUID, p preview.Progress) { seen = append(seen, p) }, preview.Config{})
	require.NoError(t, err)
	require.Equal(t, preview.Progress{Files: 1, Bytes: 1}, seen[0])
	require.Equal(t, preview.Progress{Files: 3, Bytes: 6, Hashed: 3, Ended: true}, seen[len(seen)-1])

	for _, until := range []preview.Progress{{Files: 2, Bytes: 3}, {Files: 3, Bytes: 6, Hashed: 1}} {
		ctx, cancel := context.WithCancel(signedIn(t))
		var last preview.Progress
		_, err = scan(ctx, root, func(_ context.Context, _ uuid.UUID, p preview.Progress) {
			if p.Ended {
				require.ErrorIs(t, p.Err, context.Canceled)
				return
			}
			if last = p; p == until {
				cancel()
			}
		}, preview.Config{})
		require.ErrorIs(t, err, context.Canceled)
		require.Equal(t, until, last, "nothing was done after")
	}
}

func TestPreview_OnlySoManyAreMadeAtATime(t *testing.T) {
	t.Parallel()
	root := tree(t, "a")
	text, err := json.Marshal(map[string]any{"path": root})
	require.NoError(t, err)
	in := preview.Input{ScanID: uuid.New(), Type: directory.Type, Config: text}
	ctx := signedIn(t)
	var s *preview.Service
	var second error
	s = preview.NewService(connectors.New(directory.New([]string{root})), extract.DetectMIME, func(context.Context, uuid.UUID, preview.Progress) {
		if second == nil {
			_, second = s.Scan(ctx, in)
		}
	}, preview.Config{AtOnce: 1})
	_, err = s.Scan(ctx, in)
	require.NoError(t, err)
	require.Equal(t, "preview_busy", apperr.CodeOf(second))
	require.Equal(t, apperr.Unavailable, apperr.KindOf(second))
	_, err = s.Scan(ctx, in)
	require.NoError(t, err, "the place was given back")
}

// A file that goes, or turns into something else, between the list and the reading.
func TestPreview_AFileThatCannotBeReadIsToldAndDoesNotEndIt(t *testing.T) {
	t.Parallel()
	root := tree(t, "a", "b", "c")
	r, err := scan(signedIn(t), root, func(_ context.Context, _ uuid.UUID, p preview.Progress) {
		if p.Hashed == 1 {
			_ = os.Remove(root + "/b")
		}
	}, preview.Config{})
	require.NoError(t, err)
	require.Equal(t, []string{hash("a"), "", hash("c")}, []string{r.Files[0].Hash, r.Files[1].Hash, r.Files[2].Hash})
	require.Equal(t, []string{"b: The source has no such file, or it is none that can be read."}, r.Warnings)
}

func TestPreview_NeedsAnAccount(t *testing.T) {
	t.Parallel()
	_, err := scan(t.Context(), tree(t), nil, preview.Config{})
	require.Equal(t, apperr.Unauthenticated, apperr.KindOf(err))
}

func TestPreview_IsWatchedByWhoeverMakesIt(t *testing.T) {
	t.Parallel()
	root := tree(t, "a", "bb", "ccc")
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("DOCUMENT_ROOTS="+root))
	w.StartListening()
	id := uuid.New()
	path := "/ws/directory-scan/" + id.String()
	mine, others := w.Watch(path, w.Token(w.Root)), w.Watch(path, w.Token(w.User("alice")))
	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: route, Body: map[string]any{"path": root, "scan_id": id}, Status: http.StatusOK})
	frames := mine.Until("scan_completed")
	last := frames[len(frames)-1]
	require.Equal(t, id.String(), last.ScanID)
	require.InDelta(t, 3, last.Data["total_files"], 0)
	require.InDelta(t, 3, last.Data["files_hashed"], 0)
	others.Nothing()
}

func TestPreview_ANameThatNoneCanHaveIsRefusedAtTheHandshake(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	token := "access_token." + w.Token(w.User("alice"))
	for _, name := range []string{"xyz", uuid.Nil.String(), "a%2fb", uuid.NewString() + "x", strings.Repeat("x", 2000)} {
		conn, a := w.Handshake("/ws/directory-scan/"+name, nil, token)
		require.Nil(t, conn, name)
		require.Equal(t, http.StatusForbidden, a.Status, name)
	}
	require.NotContains(t, w.Log(), "level=ERROR")
}
