package chunks

import (
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"semantik/platform/apperr"
)

// The errors of loading.
var (
	// ErrBadChunk means that a chunk of a load is not as it must be; the fields and the
	// place are named.
	ErrBadChunk = apperr.New(apperr.Invalid, "chunk_invalid",
		"A chunk is not as it must be. Nothing was loaded.")

	// ErrLoadsCollide means that two loads had chunks of the same document in a
	// different order, and that this one was ended so that the other could go on.
	ErrLoadsCollide = apperr.New(apperr.Conflict, "loads_collide",
		"Another load has brought chunks of the same documents meanwhile. Nothing of this one was loaded: send it again, with on_conflict=skip or replace if those chunks may be there.")

	// ErrLoadTimeout means that a load took longer than it may.
	ErrLoadTimeout = apperr.New(apperr.Timeout, "load_timeout",
		"The load took longer than it may. Nothing was loaded: send it in several parts.")

	// ErrBadVector means that what names a vector is not as it must be; the fields and
	// the place are named.
	ErrBadVector = apperr.New(apperr.Invalid, "vector_invalid",
		"What names a vector is not as it must be. Nothing was changed.")

	errTooManyVectors = apperr.Newf(apperr.TooLarge, "too_many_vectors",
		"At most %d vectors can be named in one request: send several.", MaxVectors)

	errVectorMediaType = apperr.New(apperr.UnsupportedMediaType, "unsupported_media_type",
		"Vectors are named as application/x-ndjson, one a line, or as application/json.")

	errTooManyRows = apperr.New(apperr.TooLarge, "too_many_chunks",
		"A JSON array may not be so large: send its elements as application/x-ndjson, one a line.")

	errLoadMediaType = apperr.New(apperr.UnsupportedMediaType, "unsupported_media_type",
		"Chunks are loaded as application/x-ndjson, a chunk a line, or as application/json.")

	errBadArray = apperr.New(apperr.Malformed, "malformed_json",
		"The body must be JSON: an object with one member, an array.")
)

// keyValues finds the values of a key in what PostgreSQL says of a violated
// constraint, in whichever language: (document_id, …)=(…).
var keyValues = regexp.MustCompile(`\(([a-z_, ]+)\)=\(([^()]*)\)`)

// nameChunk adds to a conflict which chunk of which document it is about.
func nameChunk(cause, err error) error {
	known, ok := errors.AsType[*apperr.Error](err)
	pgErr, is := errors.AsType[*pgconn.PgError](cause)
	if !ok || !is {
		return err
	}
	found := keyValues.FindStringSubmatch(pgErr.Detail)
	if found == nil {
		return err
	}
	columns, values := strings.Split(found[1], ", "), strings.Split(found[2], ", ")
	if len(columns) != len(values) {
		return err
	}
	key := map[string]string{}
	for i, column := range columns {
		key[column] = values[i]
	}
	switch {
	case errors.Is(known, ErrConflict):
		return nameConflict(known, key)
	case errors.Is(known, ErrDocumentNotFound):
		return known.WithMessagef("The collection has no document %s, or not any more. Nothing was loaded.", key["document_id"]).
			WithDetail("document_id", key["document_id"])
	default:
		return err
	}
}

func nameConflict(known *apperr.Error, key map[string]string) error {
	index, err := strconv.Atoi(key["chunk_index"])
	if err != nil {
		return known
	}
	document := key["document_id"]
	if document == "null" {
		return known.WithMessagef("There is a chunk with index %d without a document already. Nothing was loaded.", index).
			WithDetail("document_id", nil).WithDetail("chunk_index", index)
	}
	return known.WithMessagef("The document %s has a chunk with index %d already. Nothing was loaded.", document, index).
		WithDetail("document_id", document).WithDetail("chunk_index", index)
}
