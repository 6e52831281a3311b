package web

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"slices"
	"strconv"
	"time"

	"semantik/platform/apperr"
)

// Problem is the body of every error: problem JSON as RFC 9457 describes it.
type Problem struct { //nolint:errname // named by RFC 9457
	Type          string       `json:"type" doc:"Always about:blank; the code tells problems apart."`
	Title         string       `json:"title" doc:"The name of the status."`
	Status        int          `json:"status" doc:"The HTTP status."`
	Detail        string       `json:"detail" doc:"What is wrong and what can be done about it, in one sentence."`
	Code          string       `json:"code" doc:"A stable name of the problem, for programs."`
	Errors        []FieldError `json:"errors,omitempty" doc:"With status 422: every field that is wrong."`
	Instance      string       `json:"instance" doc:"The path of the request."`
	CorrelationID string       `json:"correlation_id" doc:"Leads to the request in the server's log."`

	_ struct{} `additionalProperties:"true"`

	members map[string]any // further members, by name
	headers http.Header
}

// FieldError is one wrong field.
type FieldError struct {
	Location string `json:"location" doc:"Where the field is, such as body.name or query.page."`
	Message  string `json:"message" doc:"What is wrong with it."`
	Value    any    `json:"value" doc:"What was sent; null where that is long, structured or secret."`
}

// DefaultRetryAfter is what a 503 tells the client to wait when the error does
// not say; it is never without.
const DefaultRetryAfter = 5 * time.Second

var errInternal = apperr.From(unknownError{})

// unknownError makes apperr choose its words for what nobody foresaw.
type unknownError struct{}

func (unknownError) Error() string { return "unknown" }

// newProblem is the one place where an error of ours becomes an answer.
func newProblem(ctx context.Context, err error) *Problem {
	e := apperr.From(err)
	p := &Problem{Code: e.Code, Detail: e.Message, members: maps.Clone(e.Details)}
	if e.Kind == apperr.Invalid {
		for _, f := range e.Fields {
			p.Errors = append(p.Errors, fieldError(f.Location, f.Message, f.Value))
		}
	}
	p.complete(ctx, e.Kind.Status())

	wait := e.RetryAfter
	if wait <= 0 && e.Kind == apperr.Unavailable {
		wait = DefaultRetryAfter
	}
	switch e.Kind {
	case apperr.Unauthenticated:
		p.header("WWW-Authenticate", "Bearer")
	case apperr.Unavailable:
		p.header("Retry-After", seconds(wait))
	case apperr.RateLimited:
		p.header("Retry-After", seconds(wait))
		p.member("error", e.Code)
		p.member("retry_after", max(1, int64(math.Ceil(wait.Seconds()))))
	case apperr.TooLarge, apperr.Timeout:
		// The rest of the body is not wanted, and the client need not send it.
		p.header("Connection", "close")
	default:
		if wait > 0 { // and otherwise the status says it all
			p.header("Retry-After", seconds(wait))
		}
	}
	return p
}

// complete fills in what follows from the status and the request.
func (p *Problem) complete(ctx context.Context, status int) {
	req := requestOf(ctx)
	p.Type, p.Title, p.Status = "about:blank", http.StatusText(status), status
	p.Instance, p.CorrelationID = req.path, req.correlationID
}

func (p *Problem) header(name, value string) {
	if p.headers == nil {
		p.headers = http.Header{}
	}
	p.headers.Set(name, value)
}

func (p *Problem) member(name string, value any) {
	if p.members == nil {
		p.members = map[string]any{}
	}
	p.members[name] = value
}

// seconds rounds up, and a wait is never none.
func seconds(d time.Duration) string {
	return strconv.FormatInt(max(1, int64(math.Ceil(d.Seconds()))), 10)
}

// Error is the detail; with [Problem.GetStatus] and [Problem.GetHeaders] it lets
// Huma carry a problem as an error.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the headers that belong to the problem.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType is that of problem JSON, whatever was negotiated.
func (p *Problem) ContentType(string) string { return contentTypeProblem }

const contentTypeProblem = "application/problem+json"

// problemFields is Problem without its methods.
type problemFields Problem

// MarshalJSON writes the members of the type and then the further ones, in the
// order of their names. A further member never hides one of the type, and one
// that is no JSON is left out: an error is not the place to fail.
func (p *Problem) MarshalJSON() ([]byte, error) {
	data, err := marshalPlain((*problemFields)(p))
	if err != nil || len(p.members) == 0 {
		return data, err
	}
	buffer := bytes.NewBuffer(bytes.TrimSuffix(data, []byte("}")))
	for _, name := range slices.Sorted(maps.Keys(p.members)) {
		member, err := marshalPlain(map[string]any{name: p.members[name]})
		if err != nil || problemMembers[name] {
			continue
		}
		buffer.WriteByte(',')
		buffer.Write(bytes.TrimSuffix(bytes.TrimPrefix(member, []byte("{")), []byte("}")))
	}
	buffer.WriteByte('}')
	return buffer.Bytes(), nil
}

var problemMembers = map[string]bool{
	"type": true, "title": true, "status": true, "detail": true, "code": true,
	"errors": true, "instance": true, "correlation_id": true,
}

// JSON writes a body as answers have it.
func JSON(body any) ([]byte, error) { return marshalPlain(body) }

// marshalPlain leaves <, > and & as they are: answers are not HTML.
func marshalPlain(v any) ([]byte, error) {
	var buffer bytes.Buffer
	encoder := json.NewEncoder(&buffer)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimRight(buffer.Bytes(), "\n"), nil
}
