package idempotency

import (
	"time"

	"github.com/google/uuid"
)

const (
	// Lifetime is how long an answer is kept.
	Lifetime = 24 * time.Hour
	// MaxKey bounds a key, in characters.
	MaxKey = 255
	// MaxAnswer bounds the body of an answer that is kept, in bytes: that of an upload
	// of ten thousand files with short metadata.
	MaxAnswer = 16 << 20
)

// Request is one that may have a key. The zero value has none.
type Request struct {
	// Given tells whether there is a key at all; an empty one is one that is wrong.
	Given bool
	Key   string
	// Endpoint is the method and the path.
	Endpoint string
	// Begun waits until the client has begun to send; nil where all of it is there.
	Begun func() error
	// Digest reads what has not been read and gives a digest of all that makes the
	// request the same. It may be called again.
	Digest func() (string, error)
}

// wrong tells whether the key is not as it must be. Space is no part of a key: what
// was sent in two headers is joined with one.
func (r Request) wrong() bool {
	if r.Key == "" || len(r.Key) > MaxKey {
		return true
	}
	for _, c := range []byte(r.Key) {
		if c <= ' ' || c > '~' {
			return true
		}
	}
	return false
}

// Answer is what a request was answered.
type Answer struct {
	Status int
	// Headers are those that belong to the answer besides those that all have.
	Headers map[string]string
	Body    []byte
	// Replayed is set when the answer is one that was kept.
	Replayed bool
}

// row is one of the table idempotency_keys. It is either held, with an owner and a
// lease, or answered, with a digest and a status.
type row struct {
	UserID   int64
	Key      string
	Endpoint string
	// Digest of the request, known once it has been read.
	Digest *string
	Status *int
	// Body is nil when it was larger than [MaxAnswer].
	Body    []byte
	Headers map[string]string
	// Owner tells whoever holds the key from whoever takes it after them.
	Owner *uuid.UUID
	// Lease is how long the key is held from now on; only written.
	Lease *time.Duration
}

// answered makes the row that of an answer.
func (r row) answered(digest string, a Answer) row {
	r.Digest, r.Status, r.Headers, r.Body, r.Owner, r.Lease = &digest, &a.Status, a.Headers, a.Body, nil, nil
	if len(a.Body) > MaxAnswer {
		r.Body = nil
	}
	return r
}
