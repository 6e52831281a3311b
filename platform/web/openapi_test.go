package web_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

// object walks a decoded JSON document.
func object(t *testing.T, v any, path ...string) map[string]any {
	t.Helper()
	for _, name := range path {
		m, ok := v.(map[string]any)
		require.True(t, ok, "%s of %v", name, path)
		require.Contains(t, m, name)
		v = m[name]
	}
	m, ok := v.(map[string]any)
	require.True(t, ok, "%v", path)
	return m
}

func TestOpenAPI_describesEveryRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{Title: "Test", Version: "1.2.3"}, nil, func(api huma.API) {
		routes(api)
		streamRoutes(nil)(api)
	})
	// All at once: the description is made once, whoever comes first.
	var group sync.WaitGroup
	answers := make([]answer, 8)
	for i := range answers {
		group.Go(func() { answers[i] = w.do(t, scenario{path: "/openapi.json"}) })
	}
	group.Wait()
	for _, a := range answers {
		require.Equal(t, answers[0].body, a.body)
	}
	require.Equal(t, "application/openapi+json", answers[0].header.Get("Content-Type"))
	requireStandard(t, answers[0])

	var doc any
	require.NoError(t, json.Unmarshal([]byte(answers[0].body), &doc))
	root := object(t, doc)
	require.Regexp(t, `^3\.1\.`, root["openapi"])
	require.Equal(t, map[string]any{"title": "Test", "version": "1.2.3"}, root["info"])
	require.Equal(t, "bearer", object(t, doc, "components", "securitySchemes", "bearer")["scheme"])

	me := object(t, doc, "paths", "/me", "get")
	require.Equal(t, []any{map[string]any{"bearer": []any{}}}, me["security"])
	require.Contains(t, object(t, me, "responses"), "401")
	problem := object(t, me, "responses", "default", "content", "application/problem+json", "schema")
	require.Equal(t, "#/components/schemas/Problem", problem["$ref"])
	require.NotContains(t, object(t, doc, "paths", "/public", "get"), "security")
	require.Contains(t, object(t, doc, "paths", "/accounts", "post", "responses"), "422")
	require.Contains(t, object(t, doc, "paths", "/lines/{id}", "post", "requestBody", "content"), "application/x-ndjson")

	schemas := object(t, doc, "components", "schemas")
	require.NotContains(t, schemas, "ErrorModel", "no answer has that form")
	thing := object(t, schemas, "Thing", "properties")
	require.Equal(t, "array", object(t, thing, "tags")["type"], "a list in an answer is never null")
	require.Equal(t, []any{"array", "null"}, object(t, thing, "nothing")["type"], "unless it is a pointer")
	require.Equal(t, "date-time", object(t, thing, "at")["format"])
	require.Equal(t, "string", object(t, thing, "at")["type"])
	require.Equal(t, []any{"string", "null"}, object(t, thing, "gone")["type"])
	require.NotContains(t, answers[0].body, "$schema")

	yaml := w.do(t, scenario{path: "/openapi.yaml"})
	require.Equal(t, "application/openapi+yaml", yaml.header.Get("Content-Type"))
	require.Contains(t, yaml.body, "openapi: 3.1")
	require.Contains(t, yaml.body, "/accounts:")
}

// Every $ref leads somewhere, or generated clients fail.
func TestOpenAPI_referencesAreKept(t *testing.T) {
	t.Parallel()
	server := web.New(web.Config{}, web.Deps{})
	routes(server.API())
	asJSON, _, err := server.OpenAPI()
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(asJSON, &doc))
	schemas := object(t, doc, "components", "schemas")
	for _, match := range regexp.MustCompile(`"\$ref":"#/components/schemas/([^"]+)"`).FindAllStringSubmatch(string(asJSON), -1) {
		require.Contains(t, schemas, match[1])
	}
}

func TestOpenAPI_aListThatIsAlsoSentMayBeNullInBoth(t *testing.T) {
	t.Parallel()
	server := web.New(web.Config{}, web.Deps{})
	type both struct {
		Names []string `json:"names"`
	}
	type io struct{ Body both }
	web.Register(server.API(), huma.Operation{Method: http.MethodPost, Path: "/both"},
		func(_ context.Context, in *io) (*io, error) { return in, nil })
	asJSON, _, err := server.OpenAPI()
	require.NoError(t, err)
	require.Contains(t, string(asJSON), `"names":{"items":{"type":"string"},"type":["array","null"]}`)
}

func TestRegister_twoOperationsOfOneNamePanicAtTheStart(t *testing.T) {
	t.Parallel()
	server := web.New(web.Config{}, web.Deps{})
	register := func() {
		web.Register(server.API(), huma.Operation{Method: http.MethodGet, Path: "/same", OperationID: "same"},
			func(context.Context, *struct{}) (*textOutput, error) { return said(""), nil })
	}
	register()
	require.Panics(t, register)
}

func TestDocs_needNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, web.Config{Title: `Semantik <"&>`}, nil, routes)
	page := w.do(t, scenario{path: "/docs/"})
	require.Equal(t, http.StatusOK, page.status)
	require.Equal(t, "text/html; charset=UTF-8", page.header.Get("Content-Type"))
	require.Contains(t, page.body, "<title>Semantik &lt;&#34;&amp;&gt; API</title>")
	policy := page.header.Get("Content-Security-Policy")
	require.Contains(t, policy, "script-src 'self';")
	require.NotContains(t, policy, "unsafe-eval")
	require.NotContains(t, policy, "http")
	require.Equal(t, "DENY", page.header.Get("X-Frame-Options"))

	loaded := regexp.MustCompile(`(?:src|href)="([^"]+)"`).FindAllStringSubmatch(page.body, -1)
	require.Len(t, loaded, 6)
	for _, match := range loaded {
		if match[1] == "data:," {
			continue
		}
		require.True(t, strings.HasPrefix(match[1], "/"), match[1])
		a := w.do(t, scenario{path: match[1]})
		require.Equal(t, http.StatusOK, a.status, match[1])
		require.Equal(t, "nosniff", a.header.Get("X-Content-Type-Options"), "so the type must be right")
		switch {
		case strings.HasSuffix(match[1], ".js"):
			require.Contains(t, a.header.Get("Content-Type"), "text/javascript")
		case strings.HasSuffix(match[1], ".css"):
			require.Contains(t, a.header.Get("Content-Type"), "text/css")
		}
	}
	require.Equal(t, http.StatusNotFound, w.do(t, scenario{path: "/docs/README.md"}).status)
	require.Equal(t, http.StatusNotFound, w.do(t, scenario{path: "/docs/..%2fserver.go"}).status)
}

func TestDocs_theViewerIsAsItWasPublished(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("docspage/README.md")
	require.NoError(t, err)
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css"} {
		data, err := os.ReadFile("docspage/" + name)
		require.NoError(t, err)
		require.Less(t, len(data), 4<<20)
		sum := sha256.Sum256(data)
		require.Contains(t, string(readme), "| "+name+" | "+hex.EncodeToString(sum[:])+" |")
	}
	for _, name := range []string{"LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"} {
		_, err := os.Stat("docspage/" + name)
		require.NoError(t, err)
	}
}

// whole is a struct whose type is not exported, embedded in others.
type whole struct {
	ID   web.UUID  `json:"id"`
	Note *string   `json:"note,omitempty"`
	Gone *web.Time `json:"gone"`
}

type perhaps struct {
	Size int `json:"size"`
}

func TestOpenAPI_anAnswerIsDescribedAsItIsWritten(t *testing.T) {
	t.Parallel()
	type inner struct {
		Name string `json:"name"`
	}
	type answerBody struct {
		whole
		*perhaps
		Secret string   `json:"secret"`
		Inner  *inner   `json:"inner"`
		Maybe  *inner   `json:"maybe,omitempty"`
		Kind   *string  `json:"kind" enum:"a,b"`
		Many   []string `json:"many"`
	}
	type question struct {
		Name  string  `json:"name"`
		Inner *inner  `json:"inner,omitempty"`
		Kind  *string `json:"kind,omitempty" enum:"a,b"`
	}
	w := newWorld(t, web.Config{}, nil, func(api huma.API) {
		web.Register(api, huma.Operation{Method: http.MethodPost, Path: "/described"},
			func(_ context.Context, in *struct {
				Since web.Time `query:"since"`
				Body  question
			}) (*struct{ Body answerBody }, error) {
				out := &struct{ Body answerBody }{}
				out.Body.Inner = in.Body.Inner
				return out, nil
			})
	})
	var doc any
	require.NoError(t, json.Unmarshal([]byte(w.do(t, scenario{path: "/openapi.json"}).body), &doc))
	schemas := object(t, doc, "components", "schemas")
	described := object(t, schemas, "AnswerBody")
	require.ElementsMatch(t, []any{"id", "gone", "secret", "inner", "kind", "many"}, described["required"])
	properties := object(t, described, "properties")
	require.Len(t, properties, 9)
	require.Equal(t, "string", object(t, properties, "id")["type"])
	require.Equal(t, "string", object(t, properties, "note")["type"])
	require.Equal(t, []any{"string", "null"}, object(t, properties, "gone")["type"])
	require.Equal(t, "integer", object(t, properties, "size")["type"])
	null := map[string]any{"anyOf": []any{map[string]any{"$ref": "#/components/schemas/Inner"}, map[string]any{"type": "null"}}}
	require.Equal(t, null, properties["inner"])
	require.Equal(t, []any{"string", "null"}, object(t, properties, "kind")["type"])
	require.Equal(t, []any{"a", "b", nil}, object(t, properties, "kind")["enum"])
	require.Equal(t, "array", object(t, properties, "many")["type"])

	asked := object(t, schemas, "Question", "properties")
	require.Equal(t, "string", object(t, asked, "name")["type"])
	require.Equal(t, null, asked["inner"])
	require.Equal(t, []any{"a", "b", nil}, object(t, asked, "kind")["enum"])
	parameters, ok := object(t, doc, "paths", "/described", "post")["parameters"].([]any)
	require.True(t, ok)
	require.Equal(t, true, object(t, parameters[0])["allowEmptyValue"])

	a := w.do(t, scenario{method: http.MethodPost, path: "/described?since=", body: `{"name":"x","inner":null,"kind":null}`})
	require.Equal(t, http.StatusOK, a.status, a.body)
	require.JSONEq(t, `{"id":"00000000-0000-0000-0000-000000000000","gone":null,"secret":"","inner":null,"kind":null,"many":[]}`, a.body)
	require.Contains(t, w.do(t, scenario{method: http.MethodPost, path: "/described", body: `{"name":"x","inner":{}}`}).body, "body.inner.name", "and is validated as before")
	require.Contains(t, w.do(t, scenario{path: "/openapi.yaml"}).body, "allowEmptyValue: true")
}

// An embedded type that is not exported is passed over by Huma, and a filter in it
// with it.
func TestRegister_refusesAnInputOfWhichAPartWouldNotBeRead(t *testing.T) {
	t.Parallel()
	type filters struct {
		Status string `query:"status"`
	}
	type request struct {
		filters

		ID int64 `path:"id"`
	}
	server := web.New(web.Config{}, web.Deps{})
	require.PanicsWithValue(t, "web: web_test.request embeds web_test.filters, which is not exported, so that nothing of it would be read", func() {
		web.Register(server.API(), huma.Operation{Method: http.MethodGet, Path: "/x/{id}"},
			func(context.Context, *request) (*struct{}, error) { return nil, nil })
	})
}
