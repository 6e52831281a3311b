package testworld_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/modules/users"
	"semantik/platform/auth"
	"semantik/platform/idempotency"
	"semantik/testworld"
)

func TestKey_TheSameRequestIsCarriedOutOnceAndAnsweredTheSame(t *testing.T) {
	t.Parallel()
	testworld.Thrice(t, func(t *testing.T, w *testworld.World) {
		t.Helper()
		each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
			key := uuid.NewString()
			first := insist(t, w, func() testworld.Scenario { return r.scenario(token, key, 1) })
			requireCarriedOut(t, first)
			again := r.scenario(token, key, 1)
			again.Status, again.Pure = first.Status, true
			for range 2 {
				requireReplayed(t, first, w.Request(again))
			}
			require.EqualValues(t, 1, w.Int(r.count, 1))
		})
	}, testworld.NoWorker())
}

func TestKey_AnotherRequestIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	other := w.Collection(w.Root)
	elsewhere := requests(other)
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		key := uuid.NewString()
		requireCarriedOut(t, w.Send(r.scenario(token, key, 1)))
		refuse := func(name string, s testworld.Scenario) {
			s = expect(s, http.StatusUnprocessableEntity, "idempotency_key_reused")
			s.Name, s.Pure = name, true
			w.HTTP(t, s)
		}
		refuse("another body", r.scenario(token, key, 2))
		query := r.scenario(token, key, 1)
		query.URL += r.query
		refuse("another query", query)
		for name, e := range elsewhere {
			if e.path != r.path {
				refuse("another path: "+name, e.scenario(token, key, 1))
			}
		}
		if text, ok := r.body(1).(string); ok {
			spaced := r.scenario(token, key, 1)
			spaced.Body = strings.Replace(text, ": ", ":  ", 1)
			refuse("the same meaning in other bytes", spaced)
		} else {
			form, _ := r.body(1).(testworld.Form)
			for name, change := range map[string]func(f *testworld.Form){
				"another file's name": func(f *testworld.Form) { f.Files[0].Path = "c" },
				"the files turned":    func(f *testworld.Form) { f.Files[0], f.Files[1] = f.Files[1], f.Files[0] },
				"a file less":         func(f *testworld.Form) { f.Files = f.Files[:1] },
				"another field":       func(f *testworld.Form) { f.Fields = map[string]string{"source_path": "there"} },
				"an unknown field":    func(f *testworld.Form) { f.Fields = map[string]string{"source_path": "here", "x": "y"} },
			} {
				changed := r.scenario(token, key, 1)
				f := testworld.Form{Fields: form.Fields, Files: append([]testworld.File{}, form.Files...)}
				change(&f)
				changed.Body = f
				refuse(name, changed)
			}
		}
	})
}

func TestKey_ThatIsNotAsItMustBeIsRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		for name, key := range map[string]string{
			"empty": "", "too long": strings.Repeat("k", 256), "with a space": "a b", "not ASCII": "schlüssel", "with a tab": "a\tb",
		} {
			s := r.scenario(token, "", 1)
			s.Headers[headerKey] = key
			s.Name, s.Pure = name, true
			w.HTTP(t, expect(s, http.StatusUnprocessableEntity, "idempotency_key_invalid"))
		}
		longest := w.Send(r.scenario(token, strings.Repeat("~", 255), 1))
		if longest.Status != http.StatusUnprocessableEntity { // the key is another case's by now
			requireCarriedOut(t, longest)
		}
	})
}

func TestKey_OfTwoAtOnceOneIsCarriedOut(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		for n := 1; n <= 5; n++ {
			key := uuid.NewString()
			answers := make([]testworld.Answer, 4)
			for _, err := range w.Race(len(answers), func(i int) error {
				answers[i] = w.Send(r.scenario(token, key, n))
				return nil
			}) {
				require.NoError(t, err)
			}
			last := w.Send(r.scenario(token, key, n))
			require.Equal(t, "true", last.Header.Get(headerReplayed), last.Body)
			carriedOut := 0
			for _, a := range answers {
				if a.Status == http.StatusConflict {
					require.Contains(t, a.Body, "idempotency_key_in_progress")
					require.Equal(t, "2", a.Header.Get("Retry-After"))
					continue
				}
				require.Equal(t, last.Body, a.Body)
				if a.Header.Get(headerReplayed) == "" {
					carriedOut++
				}
			}
			require.Equal(t, 1, carriedOut)
			require.EqualValues(t, 1, w.Int(r.count, n))
		}
	})
}

func TestKey_IsForgottenWhenItIsTooOld(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		key := uuid.NewString()
		requireCarriedOut(t, w.Send(r.scenario(token, key, 1)))
		require.EqualValues(t, 24, w.Int(`select round(extract(epoch from expires_at - now()) / 3600)::bigint from idempotency_keys where key = $1`, key))
		w.Exec(`update idempotency_keys set expires_at = now() where key = $1`, key)
		s := expect(r.scenario(token, key, 1), r.again.Status, r.again.Has...)
		s.HasNot = r.again.HasNot
		w.Request(s)
		require.EqualValues(t, 1, w.Int(r.count, 1))
		requireCarriedOut(t, w.Send(r.scenario(token, uuid.NewString(), 2)))
	})
}

func TestKey_OfARequestThatFailedIsFree(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	each(t, w, func(t *testing.T, w *testworld.World, r request, token string) {
		key := uuid.NewString()
		bad := r.scenario(token, key, 1)
		if _, ok := bad.Body.(testworld.Form); ok {
			bad.Body = testworld.Form{Files: []testworld.File{{Path: "", Content: "x"}}}
		} else {
			bad.Body = `{"chunks": [{}], "name": ""}`
		}
		a := w.Send(bad)
		require.GreaterOrEqual(t, a.Status, 400, a.Body)
		require.Less(t, a.Status, 500, a.Body)
		require.Zero(t, w.Int(`select count(*) from idempotency_keys where key = $1`, key))
		requireCarriedOut(t, w.Send(r.scenario(token, key, 1)))
	})
}

func TestKey_IsTheUsersOwnWhicheverOfTheirAPIKeysSendsIt(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	dave := w.User("dave")
	c := w.Collection(w.Root)
	w.Grant(c, dave, collections.Write)
	_, all := w.NewKey(w.Root, nil, auth.ScopeWrite)
	_, reads := w.NewKey(w.Root, nil, auth.ScopeRead)
	_, confined := w.NewKey(w.Root, []uuid.UUID{w.Collection(w.Root).ID}, auth.ScopeWrite)
	for name, r := range requests(c) {
		key := uuid.NewString()
		first := w.Send(r.scenario("Bearer "+w.Token(w.Root), key, 1))
		requireCarriedOut(t, first)
		requireReplayed(t, first, w.Send(r.scenario("Bearer "+all, key, 1)))
		for _, token := range []string{reads, confined} {
			a := w.Send(r.scenario("Bearer "+token, key, 1))
			require.Contains(t, []int{http.StatusForbidden, http.StatusNotFound}, a.Status, name)
			require.NotContains(t, a.Body, "idempotency")
		}
		requireCarriedOut(t, w.Send(r.scenario("Bearer "+w.Token(dave), key, 2)))
	}
}

func TestKey_WhoHasLostTheRightGetsNoAnswer(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	dave := w.User("dave")
	c := w.Collection(w.Root)
	w.Grant(c, dave, collections.Write)
	token := "Bearer " + w.Token(dave)
	for name, r := range requests(c) {
		if !strings.Contains(r.path, c.ID.String()) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			w := w.In(t)
			key := uuid.NewString()
			first := w.Send(r.scenario(token, key, 1))
			requireCarriedOut(t, first)
			w.Exec(`update collection_permissions set permission = 'read'`)
			w.Request(expect(r.scenario(token, key, 1), http.StatusForbidden, "collection_forbidden"))
			w.Exec(`delete from collection_permissions`)
			w.Request(expect(r.scenario(token, key, 1), http.StatusNotFound, "collection_not_found"))
			w.Grant(c, dave, collections.Write)
			requireReplayed(t, first, w.Send(r.scenario(token, key, 1)))
		})
	}
}

// Reading a request again may take as long as it took the first time.
func TestKey_WhoIsGoneWhileTheRequestIsReadGetsNoAnswer(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	kept := func() (idempotency.Answer, error) { return idempotency.NewAnswer(http.StatusCreated, "kept", nil) }
	for name, carryOut := range map[string]func(ctx context.Context, r idempotency.Request) error{
		"a load": func(ctx context.Context, r idempotency.Request) error {
			query := chunks.LoadQuery{OnConflict: chunks.OnConflictError, Next: func() (chunks.NewChunk, error) { return chunks.NewChunk{}, io.EOF }, Interrupt: func() {}}
			_, err := w.Chunks.LoadOnce(ctx, r, c.ID, query, func(chunks.Loaded) (idempotency.Answer, error) { return kept() })
			return err
		},
		"an upload": func(ctx context.Context, r idempotency.Request) error {
			up := documents.Upload{Next: testworld.Sequence(testworld.File{Path: "a", Content: "a"})}
			_, err := w.Documents.UploadOnce(ctx, r, c.ID, up, func([]documents.Result, *uuid.UUID) (idempotency.Answer, error) { return kept() })
			return err
		},
	} {
		dave := w.User("dave_" + name[strings.Index(name, " ")+1:])
		w.Grant(c, dave, collections.Write)
		read := func() {}
		r := idempotency.Request{Given: true, Key: "k", Endpoint: "POST /there", Digest: func() (string, error) {
			read()
			return strings.Repeat("a", 64), nil
		}}
		require.NoError(t, carryOut(w.As(dave), r), name)
		require.NoError(t, carryOut(w.As(dave), r), name)
		read = func() { w.Exec(`update users set is_active = false where id = $1`, dave.ID) }
		require.ErrorIs(t, carryOut(w.As(dave), r), users.ErrInactive, name)
	}
}

func TestKey_HowABodyIsPackedMakesNoOtherRequest(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	r := requests(w.Collection(w.Root))["loading lines"]
	token, key := "Bearer "+w.Token(w.Root), uuid.NewString()
	first := w.Send(r.scenario(token, key, 1))
	requireCarriedOut(t, first)
	packed := r.scenario(token, key, 1)
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	_, err := fmt.Fprint(z, packed.Body)
	require.NoError(t, err)
	require.NoError(t, z.Close())
	packed.Body = bytes.NewReader(body.Bytes())
	packed.Headers["Content-Encoding"] = "gzip"
	requireReplayed(t, first, w.Send(packed))
}

func TestKey_IsDescribed(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	paths := w.Server.API().OpenAPI().Paths
	for _, r := range requests(w.Collection(w.Root)) {
		described := false
		for path, item := range paths {
			if item.Post == nil || strings.Count(path, "/") != strings.Count(r.path, "/") || !strings.HasPrefix(r.path, path[:strings.Index(path+"{", "{")]) || path[strings.LastIndex(path, "/"):] != r.path[strings.LastIndex(r.path, "/"):] {
				continue
			}
			for _, p := range item.Post.Parameters {
				described = described || p.Name == headerKey && p.In == "header" && !p.Required
			}
		}
		require.True(t, described, r.path)
	}
	created := paths["/api/v2/collections"].Post.Responses["201"]
	require.Equal(t, "#/components/schemas/CollectionBody", created.Content["application/json"].Schema.Ref)
	require.Contains(t, created.Headers, headerReplayed)
	require.Contains(t, created.Headers, "ETag")
}
