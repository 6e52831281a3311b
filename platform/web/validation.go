package web

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/validation"

	"semantik/platform/apperr"
)

// problemOfValidation turns what Huma says about a request into our words. The
// status is Huma's: it has been chosen and cannot be changed here.
func (s *Server) problemOfValidation(ctx context.Context, model *huma.ErrorModel) *Problem {
	switch model.Status {
	case http.StatusUnprocessableEntity:
		fields := make([]apperr.Field, 0, len(model.Errors))
		for _, e := range model.Errors {
			if e != nil {
				fields = append(fields, fieldOfDetail(e))
			}
		}
		if len(fields) == 0 {
			return newProblem(ctx, apperr.New(apperr.Invalid, "invalid_input", "The request is not valid."))
		}
		return newProblem(ctx, apperr.InvalidFields(fields))
	case http.StatusBadRequest:
		return newProblem(ctx, malformed(model))
	case http.StatusUnsupportedMediaType:
		return newProblem(ctx, errMediaType)
	default:
		p := &Problem{Code: strings.ReplaceAll(strings.ToLower(http.StatusText(model.Status)), " ", "_"), Detail: http.StatusText(model.Status) + "."}
		p.complete(ctx, model.Status)
		if model.Status >= http.StatusInternalServerError {
			p.Code, p.Detail = errInternal.Code, errInternal.Message
			logFailure(ctx, p, model)
		}
		return p
	}
}

func malformed(model *huma.ErrorModel) error {
	if len(model.Errors) == 0 || model.Errors[0] == nil {
		return apperr.New(apperr.Malformed, "body_required", "The request needs a JSON body.")
	}
	return errMalformedJSON.WithMessagef("The body is not valid JSON: %s.", model.Errors[0].Message)
}

// fieldOfDetail moves a missing member from its parent to where it belongs, and
// rewords the message.
func fieldOfDetail(e *huma.ErrorDetail) apperr.Field {
	field := apperr.Field{Location: e.Location, Message: e.Message, Value: e.Value}
	before, after, _ := strings.Cut(validation.MsgExpectedRequiredProperty, "%s")
	if rest, ok := strings.CutPrefix(e.Message, before); ok {
		if name, ok := strings.CutSuffix(rest, after); ok {
			return apperr.Field{Location: join(e.Location, name), Message: "is required"}
		}
	}
	field.Message = reword(e.Message)
	return field
}

func join(parent, name string) string {
	if parent == "" {
		return name
	}
	return parent + "." + name
}

// wordings replace the beginnings of Huma's messages; what follows stays.
var wordings = []struct{ theirs, ours, after string }{
	{"expected length >= ", "must have at least ", " characters"},
	{"expected length <= ", "must have at most ", " characters"},
	{"expected number >= ", "must be at least ", ""},
	{"expected number <= ", "must be at most ", ""},
	{"expected number > ", "must be more than ", ""},
	{"expected number < ", "must be less than ", ""},
	{"expected number to be a multiple of ", "must be a multiple of ", ""},
	{"expected object with ", "must have ", ""},
	{"expected value to ", "must ", ""},
	{"expected array length >= ", "must have at least ", " items"},
	{"expected array length <= ", "must have at most ", " items"},
	{"expected array items to be unique", "must not hold an item twice", ""},
	{"expected string to be either ", "must be ", ""},
	{"expected string to be RFC 3339 ", "must be an RFC 3339 ", ""},
	{"expected string to be RFC 4122 uuid", "must be a UUID", ""},
	{"expected string to be RFC 5322 email", "must be an e-mail address", ""},
	{"expected string to be ", "must be ", ""},
	{"expected string to match ", "must match ", ""},
	{"expected string", "must be a string", ""},
	{"expected boolean", "must be true or false", ""},
	{"expected integer", "must be a whole number", ""},
	{"expected number", "must be a number", ""},
	{"expected array", "must be a list", ""},
	{"expected object", "must be an object", ""},
	{"unexpected property", "is not a known field", ""},
	{"invalid integer", "must be a whole number", ""},
	{"invalid float", "must be a number", ""},
	{"invalid boolean", "must be true or false", ""},
	{"invalid value: ", "", ""},
	{"required ", "is required", ""},
}

// plainNumber writes out a bound that Huma writes as a float, such as 1e+07.
func plainNumber(text string) string {
	number, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(number, 'f', -1, 64)
}

func reword(message string) string {
	for _, w := range wordings {
		rest, ok := strings.CutPrefix(message, w.theirs)
		switch {
		case !ok:
			continue
		case strings.HasPrefix(w.theirs, "required "):
			return w.ours
		case strings.Contains(w.theirs, "email"), strings.Contains(w.theirs, "uuid"):
			return w.ours // what follows is a parser's message
		case strings.HasPrefix(w.theirs, "expected number"):
			return w.ours + plainNumber(rest) + w.after
		default:
			return w.ours + rest + w.after
		}
	}
	return message
}
