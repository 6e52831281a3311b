package main_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"semantik/testworld"
)

// tagNames are the headings of docs/api.md for the tags whose names are none.
var tagNames = map[string]string{
	"auth": "Signing in", "empty": "What existing consoles ask for, and is always empty", "api-keys": "API keys",
	"system": "The system", "sources": "Sources and synchronisation",
}

// mostMembers bounds what is listed of a body: the rest is in the description.
const mostMembers = 12

func TestDocs_NameEveryRoute(t *testing.T) {
	t.Parallel()
	api := testworld.New(t, testworld.NoWorker()).Server.API().OpenAPI()
	rows := map[string][]string{}
	for _, path := range slices.Sorted(maps.Keys(api.Paths)) {
		item := api.Paths[path]
		for _, o := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if o == nil {
				continue
			}
			summary := o.Summary
			if len(o.Security) == 0 {
				summary += " (no token)"
			}
			rows[o.Tags[0]] = append(rows[o.Tags[0]], fmt.Sprintf("| `%s %s` | %s | %s | %s |\n", o.Method, path, summary, asksFor(api, o), answersWith(api, o)))
		}
	}
	headings := map[string]string{}
	for tag := range rows {
		heading := tagNames[tag]
		if heading == "" {
			heading = strings.ToUpper(tag[:1]) + tag[1:]
		}
		headings[heading] = tag
	}
	var b strings.Builder
	for _, heading := range slices.Sorted(maps.Keys(headings)) {
		fmt.Fprintf(&b, "### %s\n\n| route | what it does | takes | answers |\n| --- | --- | --- | --- |\n%s\n", heading, strings.Join(rows[headings[heading]], ""))
	}
	requireGenerated(t, "api.md", "routes", b.String())
}

// asksFor is what may be sent: parameters but those of the path, and the body.
func asksFor(api *huma.OpenAPI, o *huma.Operation) string {
	var parts []string
	for _, in := range []string{"query", "header"} {
		var names []string
		for _, p := range o.Parameters {
			if p.In == in {
				names = append(names, member(p.Name, p.Required))
			}
		}
		if len(names) > 0 {
			parts = append(parts, in+": "+strings.Join(names, ", "))
		}
	}
	if o.RequestBody != nil {
		for _, kind := range slices.Sorted(maps.Keys(o.RequestBody.Content)) {
			parts = append(parts, kindOfBody(kind)+bodyOf(api, o.RequestBody.Content[kind].Schema, true))
		}
	}
	return strings.Join(parts, "; ")
}

// answersWith is what success is answered with, and the statuses of failure.
func answersWith(api *huma.OpenAPI, o *huma.Operation) string {
	var good, bad []string
	for _, status := range slices.Sorted(maps.Keys(o.Responses)) {
		if status == "default" {
			continue
		}
		if status >= "400" {
			bad = append(bad, status)
			continue
		}
		var bodies []string
		for _, kind := range slices.Sorted(maps.Keys(o.Responses[status].Content)) {
			bodies = append(bodies, kindOfBody(kind)+bodyOf(api, o.Responses[status].Content[kind].Schema, false))
		}
		good = append(good, strings.TrimSuffix(strings.TrimSpace(status+" "+strings.Join(bodies, ", or ")), ":"))
	}
	return strings.TrimSuffix(strings.Join(good, "; ")+"; "+strings.Join(bad, " "), "; ")
}

// kindOfBody names a media type, unless it is that of nearly all.
func kindOfBody(mediaType string) string {
	if mediaType == "application/json" {
		return ""
	}
	return "`" + mediaType + "`: "
}

// bodyOf lists a body's members, the required ones of a request with an asterisk.
func bodyOf(api *huma.OpenAPI, s *huma.Schema, request bool) string {
	s = resolved(api, s)
	if s == nil {
		return ""
	}
	if s.Type == huma.TypeArray {
		return "list of " + bodyOf(api, s.Items, request)
	}
	var names []string
	for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
		if name == "$schema" {
			continue
		}
		shown := member(name, request && slices.Contains(s.Required, name))
		if of := resolved(api, s.Properties[name]); !request && of != nil && of.Type == huma.TypeArray && len(s.Properties) <= 6 {
			if inner := resolved(api, of.Items); inner != nil && len(inner.Properties) > 0 {
				shown += " of " + bodyOf(api, of.Items, request)
			}
		}
		names = append(names, shown)
	}
	if len(names) == 0 {
		return s.Type
	}
	if len(names) > mostMembers {
		names = append(names[:mostMembers], "…")
	}
	return "{" + strings.Join(names, ", ") + "}"
}

func resolved(api *huma.OpenAPI, s *huma.Schema) *huma.Schema {
	if s != nil && s.Ref != "" {
		return api.Components.Schemas.SchemaFromRef(s.Ref)
	}
	return s
}

func member(name string, required bool) string {
	if required {
		return "`" + name + "`*"
	}
	return "`" + name + "`"
}
