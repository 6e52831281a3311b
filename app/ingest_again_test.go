package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	api "semantik/app/client"
	"semantik/app/ingest"
)

// losing stands before a server, and loses the answers to the uploads while it is told
// to, after the server has stored them.
func losing(t *testing.T, server string, left *atomic.Int64) string {
	t.Helper()
	target, err := url.Parse(server)
	require.NoError(t, err)
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(http.ErrAbortHandler) }
	proxy.ModifyResponse = func(r *http.Response) error {
		if r.Request.Method == http.MethodPost && left.Add(-1) >= 0 {
			_, _ = io.Copy(io.Discard, r.Body)
			return io.ErrUnexpectedEOF
		}
		return nil
	}
	lossy := httptest.NewServer(proxy)
	t.Cleanup(lossy.Close)
	return lossy.URL
}

// A file that was stored and whose answer was lost is a duplicate of itself when it is
// sent again. The report counts it as what it was.
func TestIngest_WhatHadToBeSentAgainCountsAsWhatItWas(t *testing.T) {
	t.Parallel()
	direct, _ := loader(t)
	pair, err := direct.Login(t.Context(), "admin", "correct horse")
	require.NoError(t, err)
	var left atomic.Int64
	c := api.New(losing(t, direct.Server(), &left), api.Options{Token: api.StaticToken(pair.Access)})
	t.Cleanup(c.Close)
	made, err := c.CreateCollection(t.Context(), api.NewCollection{Name: "again"})
	require.NoError(t, err)
	folder := filepath.Join(t.TempDir(), "notes")
	writeFiles(t, folder, map[string]string{"a.txt": "About penguins.", "b.txt": "About seals.", "twin.txt": "About seals."})
	load := func(answersLost int64) []int {
		found, err := ingest.Walk(t.Context(), folder, ingest.WalkOptions{})
		require.NoError(t, err)
		collection, err := c.Collection(t.Context(), made.Value.ID)
		require.NoError(t, err)
		left.Store(answersLost)
		report, err := ingest.Load(t.Context(), found, ingest.Options{Client: c, Collection: collection.Value, Parallel: 1})
		require.NoError(t, err)
		require.Negative(t, left.Load(), "what was to be lost was lost")
		return []int{report.Uploaded, report.Replaced, report.Present}
	}
	require.Equal(t, []int{2, 0, 1}, load(2))
	writeFiles(t, folder, map[string]string{"a.txt": "About elephants.", "c.txt": "About walruses."})
	require.Equal(t, []int{1, 1, 2}, load(1))
}
