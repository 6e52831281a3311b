package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

type digestInput struct {
	web.Stream
	Read int64 `query:"read" doc:"How much of each part is read; -1 for nothing at all, not even the parts."`
}

func digestParts(_ context.Context, in *digestInput) (*textOutput, error) {
	parts, err := in.Parts()
	if err != nil {
		return nil, err
	}
	digest := sha256.New()
	parts.Digest(digest)
	for in.Read >= 0 {
		part, err := parts.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(io.Discard, part, in.Read); err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
	}
	if err := parts.Discard(); err != nil {
		return nil, err
	}
	return said("%x", digest.Sum(nil)), nil
}

// form is a multipart body: a name and a content in turn.
func form(t *testing.T, boundary string, parts ...string) string {
	t.Helper()
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	require.NoError(t, w.SetBoundary(boundary))
	for i := 0; i < len(parts); i += 2 {
		part, err := w.CreateFormFile("file", parts[i])
		require.NoError(t, err)
		_, err = io.WriteString(part, parts[i+1])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return body.String()
}

func TestParts_aDigestIsThatOfThePartsAndOfNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/digest", OperationID: "digest"}, digestParts)
	})
	digest := func(query, boundary, body string) answer {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/digest"+query, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
		res, err := w.client.Do(r)
		require.NoError(t, err)
		defer func() { _ = res.Body.Close() }()
		data, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		return answer{status: res.StatusCode, header: res.Header, body: string(data)}
	}
	long := strings.Repeat("x", 100_000)
	want := digest("?read=1000000", "one", form(t, "one", "a", long, "b", "", "c", "z"))
	require.Equal(t, http.StatusOK, want.status, want.body)
	for _, query := range []string{"?read=-1", "?read=0", "?read=7", "?read=99999", "?read=100000"} {
		require.Equal(t, want.body, digest(query, "another", "a preamble\r\n"+form(t, "another", "a", long, "b", "", "c", "z")+"an epilogue").body, query)
	}
	for _, other := range [][]string{
		{"a", long, "b", "", "c", "y"}, {"a", long, "b", "z", "c", ""}, {"a", long[1:], "b", "x", "c", "z"}, {"a", long, "b", ""},
		{"b", "", "a", long, "c", "z"}, {"a", long, "B", "", "c", "z"}, {},
	} {
		require.NotEqual(t, want.body, digest("?read=3", "one", form(t, "one", other...)).body, other)
	}
	whole := form(t, "one", "a", long, "b", "")
	for _, cut := range []int{len(whole) - 4, len(whole) / 2, 20} {
		for _, query := range []string{"?read=-1", "?read=0", "?read=1000000"} {
			require.Equal(t, http.StatusBadRequest, digest(query, "one", whole[:cut]).status, "%d %s", cut, query)
		}
	}
}
