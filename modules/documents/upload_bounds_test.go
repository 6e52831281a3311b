package documents_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections"
	"semantik/modules/documents"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// parts is the body of a form with the boundary X: of each part its header lines and its
// content, and no end.
func parts(list ...[2]string) string {
	var b strings.Builder
	for _, part := range list {
		b.WriteString("--X\r\n" + part[0] + "\r\n\r\n" + part[1] + "\r\n")
	}
	return b.String()
}

func filePart(name, content string) [2]string {
	return [2]string{`Content-Disposition: form-data; name="file"; filename="` + name + `"`, content}
}

// sendParts uploads a body of [parts].
func sendParts(w *testworld.World, c collections.Collection, body string, status int, has ...string) testworld.Answer {
	return w.Request(testworld.Scenario{
		As: &w.Root, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents", Status: status, Has: has,
		Headers: map[string]string{"Content-Type": "multipart/form-data; boundary=X"}, Body: io.Reader(strings.NewReader(body)),
	})
}

// What is sent once must not be answered ten thousand times: 64 KiB of metadata with 2,000
// empty files was an answer of 131 MB.
func TestUpload_TheAnswerIsBoundedHoweverOftenItRepeatsTheMetadata(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	metadata := `{"a": "` + strings.Repeat("x", documents.MaxMetadataBytes-9) + `"}`
	const files = documents.MaxAnswerMetadata/documents.MaxMetadataBytes + 20
	sent := [][2]string{{`Content-Disposition: form-data; name="metadata"`, metadata}, filePart("first.txt", "first")}
	for i := range files - 1 {
		sent = append(sent, filePart(fmt.Sprintf("%d.txt", i), ""))
	}
	for range 2 { // made at first, and all of them there already the second time
		answer := sendParts(w, c, parts(sent...)+"--X--\r\n", http.StatusAccepted)
		require.Less(t, len(answer.Body), documents.MaxAnswerMetadata+files*1000)
		var body struct {
			Documents []struct {
				ID              string          `json:"id"`
				Outcome         string          `json:"outcome"`
				Metadata        json.RawMessage `json:"metadata"`
				MetadataOmitted bool            `json:"metadata_omitted"`
			} `json:"documents"`
		}
		require.NoError(t, json.Unmarshal([]byte(answer.Body), &body))
		require.Len(t, body.Documents, files)
		omitted := 0
		for i, d := range body.Documents {
			require.NotEmpty(t, d.ID)
			require.NotEmpty(t, d.Outcome)
			if d.MetadataOmitted {
				omitted++
				require.Equal(t, "null", string(d.Metadata), i)
			} else {
				require.JSONEq(t, metadata, string(d.Metadata), i)
			}
		}
		require.Equal(t, 20, omitted)
	}
	require.EqualValues(t, 2, w.Int(`select count(*) from documents where length(meta::text) > 65000`), "each document has its metadata")
}

func TestUpload_ManySmallMetadataAreAnsweredWhole(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	sent := [][2]string{{`Content-Disposition: form-data; name="metadata"`, `{"a": 1}`}}
	for i := range 50 {
		sent = append(sent, filePart(fmt.Sprintf("%d.txt", i), ""))
	}
	answer := sendParts(w, c, parts(sent...)+"--X--\r\n", http.StatusAccepted)
	require.Equal(t, 50, strings.Count(answer.Body, `"metadata":{"a":1}`))
	require.NotContains(t, answer.Body, "metadata_omitted")
}

// The paths are what is left that grows with the request.
func TestUpload_ThePathsOfOneUploadAreBoundedTogether(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	for name, long := range map[string]string{
		"long":                      strings.Repeat("x", documents.MaxAnswerNames/3),
		"written longer than it is": strings.Repeat("\x01", documents.MaxAnswerNames/3/6),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := upload(w, c, testworld.File{Path: name, Content: name}, testworld.File{Path: long + "1"}, testworld.File{Path: long + "2"},
				testworld.File{Path: long + "3"}, testworld.File{Path: "after", Content: "after"})
			require.Equal(t, "file_names_too_large", apperr.CodeOf(err))
			require.Equal(t, apperr.TooLarge, apperr.KindOf(err))
			require.Contains(t, apperr.From(err).Message, "kept: 1 of 3.")
			require.EqualValues(t, 1, w.Int(`select count(*) from documents where file_path = $1`, name))
		})
	}
	require.Zero(t, w.Int(`select count(*) from documents where file_path = 'after'`))
}

func TestUpload_OfMoreFilesThanOneMayHaveEndsThere(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	body := parts(filePart("a.txt", "a")) + strings.Repeat(parts(filePart("..", "no name")), 9_999)
	require.Equal(t, 9_999, strings.Count(sendParts(w, c, body+"--X--\r\n", http.StatusAccepted).Body, `"outcome":"failed"`))
	sendParts(w, c, body+parts(filePart("b.txt", "b"))+"--X--\r\n", http.StatusRequestEntityTooLarge,
		"too_many_files", "at most 10000 files", `"files_taken":1`, `"files_before":10000`)
	require.EqualValues(t, 1, w.Int(`select count(*) from documents`))
}

// Nothing behind what is malformed can be found. The client must know that what came
// before it is there.
func TestUpload_OneThatEndsInItsMiddleSaysWhatIsKept(t *testing.T) {
	t.Parallel()
	good := []([2]string){filePart("a.txt", "a"), filePart("..", "no name"), filePart("b.txt", "b")}
	for name, c := range map[string]struct {
		rest  string
		taken int
		has   []string
	}{
		"a control character in a header": {"--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"c\x01.txt\"\r\n\r\nc\r\n--X--\r\n", 2, []string{"malformed_multipart", "at the beginning of its part 4."}},
		"a part without a header's end":   {"--X\r\nnothing of the kind\r\n\r\nc\r\n--X--\r\n", 2, []string{"malformed_multipart", "part 4."}},
		"no end":                          {"", 1, []string{"malformed_multipart", "ends before its last boundary"}},
		"an end in the middle of a file":  {parts(filePart("c.txt", "ccc"))[:72], 2, []string{"malformed_multipart", "ends before its last boundary"}},
		"a field too late":                {parts([2]string{`Content-Disposition: form-data; name="metadata"`, "{}"}) + "--X--\r\n", 2, []string{"form_field_too_late"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := testworld.New(t, testworld.NoWorker())
			collection := w.Collection(w.Root)
			answer := sendParts(w, collection, parts(good...)+c.rest, http.StatusBadRequest, c.has...)
			require.Contains(t, answer.Body, "Files of this upload that were taken before, and are kept: "+fmt.Sprintf("%d of %d.", c.taken, c.taken+1))
			require.Contains(t, answer.Body, fmt.Sprintf(`"files_before":%d,"files_taken":%d,"operation_id":"`, c.taken+1, c.taken))
			require.Equal(t, []string{"", "a.txt", "a.txt b.txt"}[c.taken], testworld.Value[string](w, `select string_agg(file_path, ' ' order by file_path) from documents`))
		})
	}
	t.Run("but nothing where nothing came before", func(t *testing.T) {
		w := testworld.New(t, testworld.NoWorker())
		answer := sendParts(w, w.Collection(w.Root), parts(filePart("a.txt", "a"))[:72], http.StatusBadRequest)
		require.NotContains(t, answer.Body, "files_")
	})
}

// Whoever uploads two files of one name from two folders must not lose one of them.
func TestUpload_TwoFilesOfOneUploadWithOnePathDoNotReplaceEachOther(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	_, _, err := upload(w, c, testworld.File{Path: "there.txt", Content: "there"})
	require.NoError(t, err)
	results, _, err := upload(w, c,
		testworld.File{Path: "gr\u00fcn.txt", Content: "composed"}, testworld.File{Path: "gru\u0308n.txt", Content: "decomposed"},
		testworld.File{Path: "a/b.txt", Content: "slash"}, testworld.File{Path: `a\b.txt`, Content: "backslash"}, testworld.File{Path: "./a//b.txt", Content: "slash"},
		testworld.File{Path: "copy.txt", Content: "there"}, testworld.File{Path: "copy.txt", Content: "no copy"},
		testworld.File{Path: "there.txt", Content: "replaced"}, testworld.File{Path: "there.txt", Content: "and again"},
		testworld.File{Path: "", Content: "no name"}, testworld.File{Path: "", Content: "nor this"},
	)
	require.NoError(t, err)
	var got []string
	for _, r := range results {
		got = append(got, fmt.Sprintf("%s %s %s", r.Outcome, r.Path, apperr.CodeOf(r.Err)))
	}
	require.Equal(t, []string{
		"created gr\u00fcn.txt ", "failed gr\u00fcn.txt file_path_twice",
		"created a/b.txt ", "failed a/b.txt file_path_twice", "duplicate a/b.txt ",
		"duplicate copy.txt ", "created copy.txt ",
		"replaced there.txt ", "failed there.txt file_path_twice",
		"failed  invalid_input", "failed  invalid_input",
	}, got)
	require.Equal(t, hashOf("composed"), testworld.Value[string](w, `select content_hash from documents where file_path = $1`, "gr\u00fcn.txt"))
	t.Run("in another upload it is a new content", func(t *testing.T) {
		results, _, err := upload(w, c, testworld.File{Path: "gru\u0308n.txt", Content: "decomposed"})
		require.NoError(t, err)
		require.Equal(t, documents.Replaced, results[0].Outcome)
	})
}
