package client

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Problem is the server's word on why a request failed.
type Problem struct { //nolint:errname // named as the API names it
	Status        int          `json:"status"`
	Code          string       `json:"code"`
	Detail        string       `json:"detail"`
	CorrelationID string       `json:"correlation_id"`
	Fields        []FieldError `json:"errors,omitempty"`
	// Line is the line of what was sent that is wrong, from 1; 0 where there is none.
	Line int `json:"line,omitempty"`

	retryAfter time.Duration
}

// FieldError is one value that the server did not take.
type FieldError struct {
	Location string `json:"location"`
	Message  string `json:"message"`
}

// Error is the detail, every wrong field, and the id that leads to the request
// in the server's log.
func (p *Problem) Error() string {
	var s strings.Builder
	s.WriteString(p.Detail)
	if len(p.Fields) > 1 {
		for _, f := range p.Fields {
			fmt.Fprintf(&s, "\n  %s %s", f.Location, f.Message)
		}
	}
	if p.CorrelationID != "" {
		fmt.Fprintf(&s, " (correlation id %s)", p.CorrelationID)
	}
	return s.String()
}

// UnreachableError says that the server did not answer.
type UnreachableError struct {
	Server string
	Err    error
}

// Error names the server and what can be done.
func (e *UnreachableError) Error() string {
	return fmt.Sprintf("the server at %s does not answer: %v", e.Server, e.Err)
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// maxProblem bounds what is read of an answer that is an error.
const maxProblem = 64 << 10

// readProblem makes an error of an answer; what is no problem JSON comes from
// something between the server and us, and its status has to do.
func readProblem(response *http.Response) *Problem {
	p := &Problem{}
	content, _ := io.ReadAll(io.LimitReader(response.Body, maxProblem))
	if err := json.Unmarshal(content, p); err != nil || p.Detail == "" {
		p = &Problem{Detail: fmt.Sprintf("The server answered %s, which is no answer of Semantik's.", response.Status)}
	}
	p.Status = response.StatusCode
	p.retryAfter = retryAfter(response.Header.Get("Retry-After"))
	return p
}

// retryAfter reads the header's two forms; zero when it is neither.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && seconds > 0 && seconds < 1<<20 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, time.Until(at))
	}
	return 0
}
