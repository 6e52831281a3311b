package web

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const schemaPrefix = "#/components/schemas/"

// tidySchemas makes the schemas say what answers are really like: Huma's own
// error is in none, and a list is never null (see filler). A schema that requests
// use as well is left alone, because it also validates. It runs once, before the
// first request: validation reads the schemas.
func tidySchemas(api *huma.OpenAPI) {
	schemas := api.Components.Schemas
	delete(schemas.Map(), "ErrorModel")
	asked, answered := map[string]bool{}, map[string]bool{}
	for _, op := range operations(api) {
		if op.RequestBody != nil {
			for _, media := range op.RequestBody.Content {
				collect(schemas, media.Schema, asked)
			}
		}
		for _, response := range op.Responses {
			for _, media := range response.Content {
				collect(schemas, media.Schema, answered)
				if media.Schema != nil && media.Schema.Type == huma.TypeArray {
					media.Schema.Nullable = false
				}
			}
		}
	}
	for name := range answered {
		if t := schemas.TypeFromRef(schemaPrefix + name); t != nil && !asked[name] {
			listsAreThere(schemas.Map()[name], t)
		}
	}
}

// listsAreThere clears "or null" from the lists of a struct's schema. A pointer
// to a slice, or the tag nullable, keeps it.
func listsAreThere(schema *huma.Schema, t reflect.Type) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if schema == nil || t.Kind() != reflect.Struct {
		return
	}
	for _, field := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name == "" {
			name = field.Name
		}
		property := schema.Properties[name]
		if property == nil || field.Type.Kind() != reflect.Slice || field.Tag.Get("nullable") == "true" {
			continue
		}
		if property.Type == huma.TypeArray {
			property.Nullable = false
		}
	}
}

func operations(api *huma.OpenAPI) []*huma.Operation {
	var all []*huma.Operation
	for _, item := range api.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete, item.Head, item.Options} {
			if op != nil {
				all = append(all, op)
			}
		}
	}
	return all
}

// collect notes the names of all schemas that can be reached from one.
func collect(schemas huma.Registry, s *huma.Schema, names map[string]bool) {
	if s == nil {
		return
	}
	if s.Ref != "" {
		name := strings.TrimPrefix(s.Ref, schemaPrefix)
		if !names[name] {
			names[name] = true
			collect(schemas, schemas.SchemaFromRef(s.Ref), names)
		}
		return
	}
	collect(schemas, s.Items, names)
	collect(schemas, s.Not, names)
	for _, property := range s.Properties {
		collect(schemas, property, names)
	}
	if additional, ok := s.AdditionalProperties.(*huma.Schema); ok {
		collect(schemas, additional, names)
	}
	for _, list := range [][]*huma.Schema{s.OneOf, s.AnyOf, s.AllOf} {
		for _, part := range list {
			collect(schemas, part, names)
		}
	}
}
