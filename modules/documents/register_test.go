package documents_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/documents"
	"semantik/testworld"
)

func registration(name, hash string) string {
	return fmt.Sprintf(`{"file_name": %q, "file_size": 7, "content_hash": %q}`, name, hash)
}

func TestRegister_ADocumentThatTakesChunks(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	path := "/api/v2/collections/" + c.ID.String() + "/documents"
	asJSON := map[string]string{"Content-Type": "application/json; charset=utf-8"}
	a := w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: path, Headers: asJSON, Status: 201, Body: `
{"file_name": "Bericht\u0000.pdf", "file_path": "a\\b/../Bericht.pdf", "file_size": 1099511627776, "content_hash": "` + strings.ToUpper(hashOf("x")) + `",
 "mime_type": "application/pdf", "metadata": {"n": 1.50}}`}).JSON(t)
	require.Equal(t, "Bericht.pdf", a["file_name"])
	require.Equal(t, "a/Bericht.pdf", a["file_path"])
	require.Equal(t, hashOf("x"), a["content_hash"])
	require.Equal(t, "completed", a["status"])
	require.NotNil(t, a["created_at"])
	id, err := uuid.Parse(fmt.Sprint(a["id"]))
	require.NoError(t, err)

	w.Request(testworld.Scenario{As: &w.Root, Method: http.MethodPost, URL: "/api/v2/chunking/collections/" + c.ID.String() + "/chunks", Headers: asJSON, Status: 201,
		Body: fmt.Sprintf(`{"chunks": [{"document_id": %q, "chunk_index": 0, "content": "A walrus."}]}`, id), Has: []string{`"inserted":1`}})
	d := w.Document(c.ID, id)
	require.EqualValues(t, 1, d.ChunkCount)
	require.JSONEq(t, `{"n": 1.50}`, string(d.Meta))
	now := w.Read(c.ID)
	require.EqualValues(t, 1, now.DocumentCount)
	require.EqualValues(t, 1<<40, now.TotalSizeBytes)
	require.EqualValues(t, 1, w.Int(`select count(*) from audit_log where action = 'document.create' and object_id = $1`, id.String()))
	require.Zero(t, w.Int(`select count(*) from operations where type = 'append'`), "nobody has anything to do")

	w.HTTP(t,
		testworld.Scenario{Name: "the same again", As: &w.Root, Method: http.MethodPost, URL: path, Headers: asJSON, Body: registration("a/Bericht.pdf", hashOf("x")), Status: 409, Has: []string{"document_duplicate", id.String()}, Pure: true},
		testworld.Scenario{Name: "its content at another path", As: &w.Root, Method: http.MethodPost, URL: path, Headers: asJSON, Body: registration("other.pdf", hashOf("x")), Status: 409, Has: []string{"document_duplicate", id.String()}, Pure: true},
		testworld.Scenario{Name: "another content at its path", As: &w.Root, Method: http.MethodPost, URL: path, Headers: asJSON, Body: strings.Replace(registration("Bericht.pdf", hashOf("y")), "{", `{"file_path": "a/Bericht.pdf", `, 1), Status: 409, Has: []string{"document_path_taken", id.String()}, Pure: true},
		testworld.Scenario{Name: "the least", As: &w.Root, Method: http.MethodPost, URL: path, Headers: asJSON, Body: strings.Replace(registration("a", hashOf("z")), "{", `{"mime_type": null, "metadata": null, "file_path": null, `, 1), Status: 201, Has: []string{`"file_path":"a"`, `"mime_type":null`}},
	)
	// Its file, uploaded later, is the content that there is already.
	results, operation := w.Upload(w.Root, c, testworld.File{Path: "a/Bericht.pdf", Content: "x"})
	require.Equal(t, documents.Duplicate, results[0].Outcome)
	require.Nil(t, operation)
}

func TestRegister_BadInputChangesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	path := "/api/v2/collections/" + c.ID.String() + "/documents"
	with := func(member, value string) string {
		return strings.Replace(registration("a.txt", hashOf("x")), "}", fmt.Sprintf(`, %q: %s}`, member, value), 1)
	}
	without := func(old, value string) string {
		return strings.Replace(registration("a.txt", hashOf("x")), old, value, 1)
	}
	bad := func(name, body string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: path, Headers: map[string]string{"Content-Type": "application/json"}, Body: body, Status: status, Has: has, HasNot: []string{"SQLSTATE", ".go"}, Pure: true}
	}
	w.HTTP(t,
		bad("nothing", ``, 400, "JSON"),
		bad("an array", `[]`, 422, "body"),
		bad("null", `null`, 422, "body"),
		bad("no member", `{}`, 422, "body.file_name", "body.file_size", "body.content_hash"),
		bad("cut off", `{"file_name": "a`, 400),
		bad("a member twice", with("file_name", `"b"`), 400, "twice"),
		bad("an unknown member", with("status", `"pending"`), 422, "body.status"),
		bad("a name of nothing", without("a.txt", `\u0000 `), 422, "body.file_name"),
		bad("a long name", without("a.txt", strings.Repeat("é", 256)), 422, "body.file_name", "255"),
		bad("a path of nothing", with("file_path", `".."`), 422, "body.file_path"),
		bad("a long path", with("file_path", `"`+strings.Repeat("é", 4097)+`"`), 422, "body.file_path", "4096"),
		bad("a path that is a number", with("file_path", `7`), 422, "body.file_path"),
		bad("a size below 0", without(": 7", ": -1"), 422, "body.file_size"),
		bad("a size beyond all", without(": 7", ": 1099511627777"), 422, "body.file_size"),
		bad("a size that no number holds", without(": 7", ": 1e400"), 422, "body.file_size"),
		bad("a part of a byte", without(": 7", ": 7.5"), 422, "body.file_size"),
		bad("a hash of nothing", without(hashOf("x"), ""), 422, "body.content_hash"),
		bad("a hash that is none", without(hashOf("x"), strings.Repeat("g", 64)), 422, "body.content_hash"),
		bad("a hash with a line after it", without(hashOf("x"), hashOf("x")+`\n`), 422, "body.content_hash"),
		bad("a long media type", with("mime_type", `"`+strings.Repeat("x", 256)+`"`), 422, "body.mime_type"),
		bad("a media type with a NUL", with("mime_type", `"a\u0000"`), 422, "body.mime_type"),
		bad("metadata that is no object", with("metadata", `[]`), 422, "body.metadata"),
		bad("metadata with a NUL", with("metadata", `{"a": "\u0000"}`), 422, "body.metadata"),
		bad("too large", with("metadata", `{"a": "`+strings.Repeat("x", 200_000)+`"}`), 413),
		testworld.Scenario{Name: "another type", As: &w.Root, Method: http.MethodPost, URL: path, Headers: map[string]string{"Content-Type": "text/plain"}, Body: registration("a", hashOf("x")), Status: 415, Has: []string{"not_multipart"}, Pure: true},
	)
}

// Of many who register one content, or one path, at once one has it, and the others
// are told which document it is.
func TestRegister_ManyAtOnce(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	for name, of := range map[string]func(i int) documents.Registration{
		"one content": func(i int) documents.Registration {
			return documents.Registration{FileName: fmt.Sprintf("%d.txt", i), ContentHash: hashOf("x")}
		},
		"one path": func(i int) documents.Registration {
			return documents.Registration{FileName: "a.txt", ContentHash: hashOf(fmt.Sprint("y", i))}
		},
	} {
		t.Run(name, func(t *testing.T) {
			before := w.Read(c.ID).DocumentCount
			made := 0
			for _, err := range w.Race(8, func(i int) error {
				_, err := w.Documents.Register(w.As(w.Root), c.ID, of(i))
				return err
			}) {
				if err == nil {
					made++
					continue
				}
				require.ErrorContains(t, err, "document")
				require.NotContains(t, err.Error(), "SQLSTATE")
			}
			require.Equal(t, 1, made)
			require.Equal(t, before+1, w.Read(c.ID).DocumentCount)
		})
	}
}

func TestRegister_BrokenOffAtAnyStatementLeavesNothing(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.NoRetry())
	c := w.Collection(w.Root)
	root := w.As(w.Root)
	require.Equal(t, []string{"public.audit_log", "public.collections", "public.documents"}, w.FailEach(func() error {
		_, err := w.Documents.Register(root, c.ID, documents.Registration{FileName: "a", ContentHash: hashOf("x")})
		return err
	}))
}
