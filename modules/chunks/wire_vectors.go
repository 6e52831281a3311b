package chunks

import (
	"errors"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"semantik/platform/web"
)

// maxVectorLine bounds a line that names a vector, in bytes: a name of the most
// characters, each of them escaped.
const maxVectorLine = 8 << 10

// vectorsBody describes the JSON form of a request to name vectors, and vectorBody one of
// them; they are read by [decodeVector].
type vectorsBody struct {
	Updates []vectorBody `json:"updates" doc:"At most 10,000, or what MAX_JSON_BATCH_ROWS says."`
}

type vectorBody struct {
	ChunkID  int64   `json:"chunk_id" minimum:"1"`
	VectorID *string `json:"vector_id" nullable:"true" minLength:"1" maxLength:"255" doc:"Null takes the name away."`
}

// sentVector tells what is absent from what is null.
type sentVector struct {
	ChunkID  *int64         `json:"chunk_id"`
	VectorID jsontext.Value `json:"vector_id"`
}

// decodeVector reads one, as strictly as a chunk.
func decodeVector(data []byte, at place) (Vector, error) {
	var body sentVector
	if err := json.Unmarshal(data, &body, json.RejectUnknownMembers(true)); err != nil {
		return Vector{}, at.refuseWith(ErrBadVector, faults{faultOf(err)})
	}
	var f faults
	v := Vector{}
	switch {
	case body.ChunkID == nil:
		f.add("chunk_id", "is missing")
	case *body.ChunkID < 1:
		f.add("chunk_id", "must be 1 or more")
	default:
		v.ChunkID = *body.ChunkID
	}
	switch body.VectorID.Kind() {
	case 'n':
	case '"':
		var name string
		if err := json.Unmarshal(body.VectorID, &name); err != nil {
			f.add("vector_id", "must be a string or null")
			break
		}
		f.vectorID("vector_id", name)
		v.Name = &name
	case 0:
		f.add("vector_id", "is missing; null takes the name away")
	default:
		f.add("vector_id", "must be a string or null")
	}
	if len(f) > 0 {
		return Vector{}, at.refuseWith(ErrBadVector, f)
	}
	return v, nil
}

// readVectorLines reads one a line.
func readVectorLines(body io.Reader) ([]Vector, error) {
	lines := web.NewLines(body, maxVectorLine)
	var vectors []Vector
	for {
		line, number, err := lines.Next()
		if errors.Is(err, io.EOF) {
			return vectors, nil
		}
		if err != nil {
			return nil, err
		}
		if len(vectors) == MaxVectors {
			return nil, errTooManyVectors
		}
		v, err := decodeVector(line, place{line: number})
		if err != nil {
			return nil, err
		}
		vectors = append(vectors, v)
	}
}

// readVectorArray reads {"updates": […]}, of at most so many.
func readVectorArray(body io.Reader, most int) ([]Vector, error) {
	values, err := readArray(body, "updates", most, errTooManyVectors)
	if err != nil {
		return nil, err
	}
	vectors := make([]Vector, len(values))
	for i, value := range values {
		if vectors[i], err = decodeVector(value, place{array: "updates", index: i}); err != nil {
			return nil, err
		}
	}
	return vectors, nil
}
