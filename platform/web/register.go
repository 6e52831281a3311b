package web

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
)

// Register adds an operation. It is huma.Register with this server's rules:
//
//   - an error of the handler becomes a problem, by its apperr;
//   - Security decides who is let in (see [Bearer], [OptionalBearer]);
//   - a JSON body (a field Body) may have MaxBodyBytes bytes, by default
//     Config.MaxBodyBytes, and must arrive within BodyReadTimeout, by default
//     Config.BodyTimeout;
//   - a streamed body (an embedded [Stream]) may have MaxBodyBytes bytes, by
//     default any number, must bring a byte every Config.StreamIdleTimeout, and
//     arrive within BodyReadTimeout if that is set. Describe it in RequestBody;
//     see [BodyOf];
//   - Metadata may say which limit the operation counts against besides the
//     general one (see [Limit], [Bulk], [Unlimited]);
//   - Errors lists the statuses to document besides those that follow from the
//     rest.
//
// OperationID and Summary are made from method and path when they are empty. A
// declaration that is wrong in itself panics.
func Register[I, O any](api huma.API, op huma.Operation, handler func(ctx context.Context, in *I) (*O, error)) {
	input := reflect.TypeFor[I]()
	requireReadable(input)
	rule := ruleFor(input, op)
	op.Metadata = maps.Clone(op.Metadata)
	if op.Metadata == nil {
		op.Metadata = map[string]any{}
	}
	op.Metadata[ruleKey] = rule
	op.MaxBodyBytes, op.BodyReadTimeout = -1, -1
	var out *O
	if op.OperationID == "" {
		op.OperationID = huma.GenerateOperationID(op.Method, op.Path, out)
	}
	if op.Summary == "" {
		op.Summary = huma.GenerateSummary(op.Method, op.Path, out)
	}
	documentProblems(api, &op, rule)

	// A description of the body would make Huma read it into memory.
	described := op.RequestBody
	if rule.kind == bodyStream {
		op.RequestBody = nil
	}
	huma.Register(api, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, problemFor(ctx, err)
		}
		return out, nil
	})
	if rule.kind == bodyStream && described != nil {
		describeBody(api, op.OperationID, described)
	}
}

// requireReadable panics for an input that embeds a type which is not exported: Huma
// passes over its members, so that what a client asks with them would be dropped in
// silence.
func requireReadable(input reflect.Type) {
	if input.Kind() != reflect.Struct {
		return
	}
	for f := range input.Fields() {
		if f.Anonymous && !f.IsExported() && f.Type.Kind() == reflect.Struct && f.Type.NumField() > 0 {
			panic(fmt.Sprintf("web: %s embeds %s, which is not exported, so that nothing of it would be read", input, f.Type))
		}
	}
}

func ruleFor(input reflect.Type, op huma.Operation) bodyRule {
	rule := bodyRule{limit: op.MaxBodyBytes, timeout: op.BodyReadTimeout}
	switch {
	case reflect.PointerTo(input).Implements(reflect.TypeFor[streamed]()):
		rule.kind = bodyStream
		rule.encoded = reflect.PointerTo(input).Implements(reflect.TypeFor[encodedStream]())
	case hasField(input, "RawBody"):
		rule.kind = bodyRaw
	case hasField(input, "Body"):
		rule.kind = bodyJSON
	}
	return rule
}

func hasField(t reflect.Type, name string) bool {
	if t.Kind() != reflect.Struct {
		return false // Huma says what is wrong
	}
	_, ok := t.FieldByName(name)
	return ok
}

// documentProblems lists the errors that the operation can answer with, all of
// them problems.
func documentProblems(api huma.API, op *huma.Operation, rule bodyRule) {
	problem := map[string]*huma.MediaType{contentTypeProblem: {
		Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Problem](), true, "Problem"),
	}}
	op.Responses = maps.Clone(op.Responses)
	if op.Responses == nil {
		op.Responses = map[string]*huma.Response{}
	}
	statuses := op.Errors
	op.Errors = nil
	if len(op.Security) > 0 {
		statuses = append(statuses, http.StatusUnauthorized)
	}
	if !limitOf(op).exempt() {
		statuses = append(statuses, http.StatusTooManyRequests)
	}
	if rule.kind != bodyNone {
		statuses = append(statuses, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity)
	}
	for _, status := range statuses {
		if key := strconv.Itoa(status); op.Responses[key] == nil {
			op.Responses[key] = &huma.Response{Description: http.StatusText(status), Content: problem, Headers: headersOf(status)}
		}
	}
	if op.Responses["default"] == nil {
		op.Responses["default"] = &huma.Response{Description: "Any other error", Content: problem}
	}
}

// headersOf describes the headers that belong to a status.
func headersOf(status int) map[string]*huma.Param {
	if status != http.StatusTooManyRequests {
		return nil
	}
	number := func(doc string) *huma.Param {
		return &huma.Param{Description: doc, Schema: &huma.Schema{Type: huma.TypeInteger}}
	}
	return map[string]*huma.Param{
		"Retry-After":   number("Seconds to wait."),
		headerLimit:     number("How many there may be."),
		headerRemaining: number("How many are left. All three are in every answer that counts."),
		headerReset:     number("When all of it is there again, in seconds since 1970."),
	}
}

// describeBody puts the description of a streamed body where readers look.
func describeBody(api huma.API, operationID string, body *huma.RequestBody) {
	for _, item := range api.OpenAPI().Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Put, item.Patch, item.Delete} {
			if op != nil && op.OperationID == operationID {
				op.RequestBody = body
			}
		}
	}
}

// BodyOf describes a body of the given content type whose schema is that of T,
// for the RequestBody of a streamed operation. Several content types are given
// by merging their Content.
func BodyOf[T any](api huma.API, contentType, description string) *huma.RequestBody {
	return &huma.RequestBody{
		Description: description, Required: true,
		Content: map[string]*huma.MediaType{contentType: {
			Schema: api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[T](), true, ""),
		}},
	}
}
