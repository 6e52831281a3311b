package apperr

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kind is the class of a failure. Each maps to one HTTP status, in [Kind.Status].
type Kind string

// The kinds, with the question each one answers.
const (
	Malformed            Kind = "malformed"              // 400: the request cannot be understood, or asks for what does not exist
	Unauthenticated      Kind = "unauthenticated"        // 401: who are you?
	Forbidden            Kind = "forbidden"              // 403: you may see it, but not do this
	NotFound             Kind = "not_found"              // 404: it is not there, or not for you to know
	Timeout              Kind = "timeout"                // 408: the client took too long
	Conflict             Kind = "conflict"               // 409: the name is taken, or the state is wrong
	PreconditionFailed   Kind = "precondition_failed"    // 412: it is not any more as you saw it
	TooLarge             Kind = "too_large"              // 413: more than the limit
	UnsupportedMediaType Kind = "unsupported_media_type" // 415: not a format we read
	Invalid              Kind = "invalid"                // 422: understood, and a field is wrong
	RateLimited          Kind = "rate_limited"           // 429: too often; try again later
	Internal             Kind = "internal"               // 500: our fault
	Unavailable          Kind = "unavailable"            // 503: a dependency cannot serve now; try again later
)

// Status is the HTTP status of the kind; 500 for a kind that is not known.
func (k Kind) Status() int {
	switch k {
	case Malformed:
		return 400
	case Unauthenticated:
		return 401
	case Forbidden:
		return 403
	case NotFound:
		return 404
	case Timeout:
		return 408
	case Conflict:
		return 409
	case PreconditionFailed:
		return 412
	case TooLarge:
		return 413
	case UnsupportedMediaType:
		return 415
	case Invalid:
		return 422
	case RateLimited:
		return 429
	case Unavailable:
		return 503
	default:
		return 500
	}
}

// Field is one wrong value of a request.
type Field struct {
	// Location names the field as the caller wrote it, such as "body.name" or
	// "query.page".
	Location string
	// Message says what is wrong with it, without repeating the location.
	Message string
	// Value is what was sent; nil where it must not be echoed (a password).
	Value any
}

// Error is a failure in the caller's terms.
type Error struct {
	Kind Kind
	// Code is stable and machine-readable, in snake_case: "collection_name_taken".
	Code string
	// Message is one sentence that a person can act on.
	Message string
	// Fields lists every wrong field of an [Invalid] error.
	Fields []Field
	// RetryAfter is how long to wait before trying again; zero when waiting does
	// not help or the time is not known.
	RetryAfter time.Duration
	// Details are further members for the caller, such as the id of the
	// document that is already there. Keys are JSON names.
	Details map[string]any

	cause error
	// origin is the error that a With... method copied from, so that errors.Is
	// finds the declared one.
	origin *Error
}

// New declares an error. Modules keep the result in a variable.
func New(kind Kind, code, message string) *Error {
	return &Error{Kind: kind, Code: code, Message: message}
}

// Newf is [New] with a formatted message.
func Newf(kind Kind, code, format string, args ...any) *Error {
	return New(kind, code, fmt.Sprintf(format, args...))
}

// Error gives the message followed by the cause; for logs, not for clients.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.Message, e.cause)
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is reports whether target is this error or the declared error that this one
// was derived from.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok {
		return false
	}
	for ; e != nil; e = e.origin {
		if e == t {
			return true
		}
	}
	return false
}

func (e *Error) derive() *Error {
	c := *e
	c.Fields = slices.Clone(e.Fields)
	c.origin = e
	return &c
}

// WithCause gives a copy that carries the cause, for the log.
func (e *Error) WithCause(cause error) *Error {
	c := e.derive()
	c.cause = cause
	return c
}

// WithMessagef gives a copy with another sentence; code and kind stay.
func (e *Error) WithMessagef(format string, args ...any) *Error {
	c := e.derive()
	c.Message = fmt.Sprintf(format, args...)
	return c
}

// WithRetryAfter gives a copy that tells the caller how long to wait.
func (e *Error) WithRetryAfter(d time.Duration) *Error {
	c := e.derive()
	c.RetryAfter = d
	return c
}

// WithDetail gives a copy with one more member for the caller.
func (e *Error) WithDetail(key string, value any) *Error {
	c := e.derive()
	details := make(map[string]any, len(e.Details)+1)
	maps.Copy(details, e.Details)
	details[key] = value
	c.Details = details
	return c
}

// InvalidFields reports every wrong field at once: an [Invalid] error whose
// message names the first. It is nil when there are none, so that a Validate
// method can end with it.
func InvalidFields(fields []Field) error {
	if len(fields) == 0 {
		return nil
	}
	e := Newf(Invalid, "invalid_input", "%s: %s", fields[0].Location, fields[0].Message)
	e.Fields = fields
	return e
}

// From finds the [Error] in a chain. An error without one becomes [Internal], a
// cancelled or expired context [Unavailable]; nil stays nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return New(Unavailable, "interrupted", "The request was interrupted before it was done; nothing was changed. Try again.").WithCause(err)
	}
	return New(Internal, "internal", "Something went wrong on the server; the correlation id leads to the reason in its log.").WithCause(err)
}

// KindOf gives the kind of an error; "" for nil.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	return From(err).Kind
}

// CodeOf gives the code of an error; "" for nil.
func CodeOf(err error) string {
	if err == nil {
		return ""
	}
	return From(err).Code
}
