package web

import (
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

const schemaPrefix = "#/components/schemas/"

// tidySchemas makes the schemas say what answers are really like: Huma's own
// error is in none, a list is never null (see filler), and the members of an
// embedded struct are there though its type is not exported. A schema that
// requests use as well is left alone, because it also validates. It runs once,
// before the first request: validation reads the schemas.
func tidySchemas(api *huma.OpenAPI) {
	schemas := api.Components.Schemas
	delete(schemas.Map(), "ErrorModel")
	addEmbedded(api)
	asked, answered := usedSchemas(api)
	for _, op := range operations(api) {
		for _, response := range op.Responses {
			for _, media := range response.Content {
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

// addEmbedded describes what encoding/json writes of an embedded struct whose type
// is not exported, and Huma passes over. Behind a pointer it may not be there.
func addEmbedded(api *huma.OpenAPI) {
	schemas := api.Components.Schemas
	asked, answered := usedSchemas(api)
	for name := range answered {
		t := schemas.TypeFromRef(schemaPrefix + name)
		if t == nil || asked[name] {
			continue
		}
		for t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct || schemas.Map()[name].Properties == nil {
			continue
		}
		for _, field := range promotedFields(t) {
			describeField(schemas, schemas.Map()[name], t, field)
		}
	}
}

// promotedFields are the exported fields of embedded structs that are not.
func promotedFields(t reflect.Type) []reflect.StructField {
	var found []reflect.StructField
	for _, field := range reflect.VisibleFields(t) {
		if len(field.Index) < 2 || !field.IsExported() || field.Anonymous {
			continue
		}
		if parent := t.Field(field.Index[0]); parent.Anonymous && !parent.IsExported() && parent.Tag.Get("json") == "" {
			found = append(found, field)
		}
	}
	return found
}

func describeField(schemas huma.Registry, schema *huma.Schema, t reflect.Type, field reflect.StructField) {
	name, options := jsonName(field)
	if name == "-" || schema.Properties[name] != nil {
		return
	}
	property := huma.SchemaFromField(schemas, field, t.Name()+field.Name+"Struct")
	if property == nil {
		return
	}
	if field.Type.Kind() == reflect.Pointer && strings.Contains(options, "omitempty") {
		property.Nullable = false // it is left out instead
	}
	schema.Properties[name] = property
	if t.Field(field.Index[0]).Type.Kind() != reflect.Pointer && !strings.Contains(options, "omitempty") {
		schema.Required = append(schema.Required, name)
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
		name, _ := jsonName(field)
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
