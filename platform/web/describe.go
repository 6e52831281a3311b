package web

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/yaml"
)

// description is the OpenAPI description in both of its forms.
type description struct {
	asJSON, asYAML []byte
}

// describe writes the description. What it says more exactly than the schemas do
// that requests are validated by, is put right in what is written, and so changes
// no validation:
//
//   - what may be null: a pointer to a struct in an answer, and any member of a
//     request that may be left out;
//   - a parameter without a value is taken for one that is not there.
func (s *Server) describe() (description, error) {
	api := s.api.OpenAPI()
	written, err := json.Marshal(api)
	if err != nil {
		return description{}, fmt.Errorf("writing the OpenAPI description: %w", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(written))
	decoder.UseNumber() // the largest integers are bounds
	var root map[string]any
	if err := decoder.Decode(&root); err != nil {
		return description{}, fmt.Errorf("writing the OpenAPI description: %w", err)
	}
	asked, answered := usedSchemas(api)
	schemas := member(member(root, "components"), "schemas")
	for name := range schemas {
		t := api.Components.Schemas.TypeFromRef(schemaPrefix + name)
		if t == nil {
			continue
		}
		sayWhatMayBeNull(member(schemas, name), t, asked[name], answered[name])
	}
	allowEmptyValues(root)

	asJSON, err := marshalPlain(root)
	if err != nil {
		return description{}, fmt.Errorf("writing the OpenAPI description: %w", err)
	}
	var asYAML bytes.Buffer
	if err := yaml.Convert(&asYAML, bytes.NewReader(asJSON)); err != nil {
		return description{}, fmt.Errorf("writing the OpenAPI description: %w", err)
	}
	return description{asJSON: asJSON, asYAML: asYAML.Bytes()}, nil
}

// member gives a member that is an object; an empty one when it is none.
func member(object map[string]any, name string) map[string]any {
	found, _ := object[name].(map[string]any)
	return found
}

func sayWhatMayBeNull(schema map[string]any, t reflect.Type, asked, answered bool) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	required, _ := schema["required"].([]any)
	properties := member(schema, "properties")
	for _, field := range reflect.VisibleFields(t) {
		name, options := jsonName(field)
		property := member(properties, name)
		if property == nil {
			continue
		}
		written := answered && field.Type.Kind() == reflect.Pointer && !strings.Contains(options, "omitempty") &&
			field.Tag.Get("nullable") != "false"
		read := asked && !slices.Contains(required, any(name))
		if written || read {
			properties[name] = orNull(property)
		}
	}
}

// orNull is the schema with null allowed as well.
func orNull(schema map[string]any) map[string]any {
	switch t := schema["type"].(type) {
	case string:
		schema["type"] = []any{t, "null"}
		if values, ok := schema["enum"].([]any); ok {
			schema["enum"] = append(values, nil)
		}
		return schema
	case []any:
		if values, ok := schema["enum"].([]any); ok && !slices.Contains(values, nil) && slices.Contains(t, any("null")) {
			schema["enum"] = append(values, nil)
		}
		return schema
	}
	ref, ok := schema["$ref"]
	if !ok {
		return schema // says nothing about the type
	}
	delete(schema, "$ref")
	schema["anyOf"] = []any{map[string]any{"$ref": ref}, map[string]any{"type": "null"}}
	return schema
}

// allowEmptyValues says of each parameter of a query that it may be empty.
func allowEmptyValues(root map[string]any) {
	for path := range member(root, "paths") {
		for method := range member(member(root, "paths"), path) {
			parameters, _ := member(member(member(root, "paths"), path), method)["parameters"].([]any)
			for _, p := range parameters {
				if parameter, ok := p.(map[string]any); ok && parameter["in"] == "query" && parameter["required"] != true {
					parameter["allowEmptyValue"] = true
				}
			}
		}
	}
}

// jsonName is the name of a field's member, and what its tag says besides.
func jsonName(field reflect.StructField) (name, options string) {
	name, options, _ = strings.Cut(field.Tag.Get("json"), ",")
	if name == "" {
		name = field.Name
	}
	return name, options
}

// usedSchemas tells which schemas can be reached from a request, and which from
// an answer.
func usedSchemas(api *huma.OpenAPI) (asked, answered map[string]bool) {
	asked, answered = map[string]bool{}, map[string]bool{}
	for _, op := range operations(api) {
		if op.RequestBody != nil {
			for _, media := range op.RequestBody.Content {
				collect(api.Components.Schemas, media.Schema, asked)
			}
		}
		for _, response := range op.Responses {
			for _, media := range response.Content {
				collect(api.Components.Schemas, media.Schema, answered)
			}
		}
	}
	return asked, answered
}
