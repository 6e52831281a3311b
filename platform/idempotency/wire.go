package idempotency

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"semantik/platform/web"
)

// readAhead is how much of a streamed body is read at once, in bytes.
const readAhead = 64 << 10

// Header is embedded in the input of an operation that takes a key.
type Header struct {
	// IdempotencyKey is described here and read by [Header.Whole] and the others, which
	// tell an empty one from none.
	IdempotencyKey string `header:"Idempotency-Key" doc:"1 to 255 visible ASCII characters that name this request: sent again within 24 hours with the same key, it is not carried out again and has the same answer."`
}

// Replayed is embedded in the output of an operation that takes a key.
type Replayed struct {
	Replayed string `header:"Idempotent-Replayed" doc:"true for the answer of an earlier request with the same key."`
}

// Tell says whether the answer is one that was kept.
func (r *Replayed) Tell(a Answer) {
	if a.Replayed {
		r.Replayed = "true"
	}
}

// Whole is the request when its body is in memory.
func (Header) Whole(ctx context.Context) Request {
	sent := web.SentOf(ctx)
	r := requestOf(sent)
	r.Digest = func() (string, error) {
		digest := digestOf(sent)
		digest.Write(sent.Body)
		return sum(digest), nil
	}
	return r
}

// Streamed is the request when its body is read as it comes, and the body to read from
// then on: what is read of it is digested on the way, and none of it kept. Without a
// key it is the body itself.
func (Header) Streamed(ctx context.Context, body io.Reader) (Request, io.Reader) {
	sent := web.SentOf(ctx)
	r := requestOf(sent)
	if !r.Given {
		return r, body
	}
	digest := digestOf(sent)
	watched := bufio.NewReaderSize(io.TeeReader(body, digest), readAhead)
	r.Begun = func() error {
		if _, err := watched.Peek(1); err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return nil
	}
	r.Digest = func() (string, error) {
		if _, err := io.Copy(io.Discard, watched); err != nil {
			return "", err
		}
		return sum(digest), nil
	}
	return r, watched
}

// InParts is the request when its body is read part by part. What separates the parts,
// which most clients make up anew each time, is no part of what makes two requests the
// same.
func (Header) InParts(ctx context.Context, parts *web.Parts) Request {
	sent := web.SentOf(ctx)
	r := requestOf(sent)
	if !r.Given {
		return r
	}
	digest := digestOf(sent)
	parts.Digest(digest)
	r.Digest = func() (string, error) {
		if err := parts.Discard(); err != nil {
			return "", err
		}
		return sum(digest), nil
	}
	return r
}

func requestOf(sent web.Sent) Request {
	key, given := sent.Header("Idempotency-Key")
	return Request{Given: given, Key: key, Endpoint: sent.Method + " " + sent.Path}
}

// digestOf begins a digest with what the request says besides its body. How that is
// packed is not looked at: it is unpacked by then.
func digestOf(sent web.Sent) hash.Hash {
	digest := sha256.New()
	_, _ = fmt.Fprintf(digest, "%q %q\n", sent.Query, sent.MediaType) // a hash takes everything
	return digest
}

func sum(digest hash.Hash) string { return hex.EncodeToString(digest.Sum(nil)) }

// Body is a body whose JSON is there already; it describes itself as a T.
type Body[T any] []byte

// AppendJSON makes it a [web.JSONAppender].
func (b Body[T]) AppendJSON(to []byte) []byte { return append(to, b...) }

// MarshalJSON gives the JSON as it is.
func (b Body[T]) MarshalJSON() ([]byte, error) { return b, nil }

// Schema is that of a T.
func (Body[T]) Schema(schemas huma.Registry) *huma.Schema {
	return schemas.Schema(reflect.TypeFor[T](), true, "")
}

// NewAnswer is an answer with a body that is written as JSON.
func NewAnswer(status int, body any, headers map[string]string) (Answer, error) {
	data, err := web.JSON(body)
	return Answer{Status: status, Headers: headers, Body: data}, err
}
