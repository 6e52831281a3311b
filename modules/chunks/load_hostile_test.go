package chunks_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/modules/chunks"
	"semantik/platform/apperr"
	"semantik/testworld"
)

// badLines are lines that no load takes, each with what is said of it.
func badLines(d uuid.UUID) map[string][2]string {
	chunk := func(members string) string { return `{"chunk_index": 1, "content": "x", ` + members + `}` }
	return map[string][2]string{
		"no JSON":                     {`chunk`, "is not valid JSON"},
		"an object cut off":           {`{"chunk_index": 1, "content": "x`, "is not valid JSON"},
		"two objects":                 {`{"chunk_index": 1, "content": "x"} {}`, "is not valid JSON"},
		"an array":                    {`[1]`, "must be a JSON object"},
		"a string":                    {`"x"`, "must be a JSON object"},
		"a number":                    {`17`, "must be a JSON object"},
		"null":                        {`null`, "is missing"},
		"nothing in it":               {`{}`, "chunk_index is missing"},
		"no content":                  {`{"chunk_index": 1}`, "content is missing"},
		"null for content":            {`{"chunk_index": 1, "content": null}`, "content is missing"},
		"no index":                    {`{"content": "x"}`, "chunk_index is missing"},
		"an empty content":            {`{"chunk_index": 1, "content": ""}`, "content must not be empty"},
		"a NUL in the content":        {`{"chunk_index": 1, "content": "a\u0000b"}`, "content must not contain NUL"},
		"half a pair":                 {`{"chunk_index": 1, "content": "a\ud800b"}`, "surrogate"},
		"a content that is a number":  {`{"chunk_index": 1, "content": 7}`, "content must be a string"},
		"a content that is an array":  {`{"chunk_index": 1, "content": ["x"]}`, "content must be a string"},
		"an index below 0":            {`{"chunk_index": -1, "content": "x"}`, "chunk_index must be 0 to 2147483647"},
		"an index too large":          {`{"chunk_index": 2147483648, "content": "x"}`, "chunk_index must be 0 to 2147483647"},
		"an index beyond all":         {`{"chunk_index": 99999999999999999999999, "content": "x"}`, "chunk_index must be a whole number"},
		"an index with a fraction":    {`{"chunk_index": 1.5, "content": "x"}`, "chunk_index must be a whole number"},
		"an index with an exponent":   {`{"chunk_index": 1e400, "content": "x"}`, "chunk_index must be a whole number"},
		"an index that is a string":   {`{"chunk_index": "1", "content": "x"}`, "chunk_index must be a whole number"},
		"a member twice":              {`{"chunk_index": 1, "content": "x", "content": "y"}`, `the member \"content\" twice`},
		"a member twice, in metadata": {chunk(`"metadata": {"a": {"b": 1, "b": 2}}`), `metadata has the member \"b\" twice`},
		"a member in another case":    {`{"chunk_index": 1, "Content": "x"}`, `has a member \"Content\", which there is not`},
		"an unknown member":           {chunk(`"documentid": "x"`), `has a member \"documentid\", which there is not`},
		"a long unknown member":       {chunk(`"` + strings.Repeat("é", 300) + `": 1`), "which there is not"},
		"no UUID":                     {chunk(`"document_id": "x"`), "document_id must be a version 4 UUID"},
		"a UUID of another version":   {chunk(`"document_id": "6ba7b810-9dad-11d1-80b4-00c04fd430c8"`), "document_id must be a version 4 UUID"},
		"a UUID in braces":            {chunk(`"document_id": "{` + d.String() + `}"`), "document_id must be a version 4 UUID"},
		"a document that is a number": {chunk(`"document_id": 4`), "document_id must be a string"},
		"an offset below 0":           {chunk(`"start_offset": -1`), "start_offset must be 0 to"},
		"an end before its start":     {chunk(`"start_offset": 9, "end_offset": 8`), "end_offset must not be before start_offset"},
		"tokens beyond an integer":    {chunk(`"token_count": 4294967296`), "token_count must be 0 to"},
		"an empty vector's name":      {chunk(`"embedding_vector_id": ""`), "embedding_vector_id must have 1 to 255 characters"},
		"a long vector's name":        {chunk(`"embedding_vector_id": "` + strings.Repeat("v", 256) + `"`), "embedding_vector_id must have 1 to 255 characters"},
		"a NUL in a vector's name":    {chunk(`"embedding_vector_id": "v\u0000"`), "embedding_vector_id must not contain NUL"},
		"metadata that is a string":   {chunk(`"metadata": "x"`), "metadata must be a JSON object"},
		"metadata that is an array":   {chunk(`"metadata": []`), "metadata must be a JSON object"},
		"metadata with a NUL":         {chunk(`"metadata": {"a": "\u0000"}`), "metadata may not contain NUL"},
		"metadata beyond a double":    {chunk(`"metadata": {"a": 1e400}`), "metadata may only contain numbers that fit into a double"},
		"metadata that grows":         {chunk(`"metadata": {"a": [` + strings.TrimSuffix(strings.Repeat("1e300,", 300), ",") + `]}`), "without exponents"},
		"metadata with many decimals": {chunk(`"metadata": {"a": 0.` + strings.Repeat("1", 17_000) + `}`), "at most 16383 decimals"},
		"much metadata":               {chunk(`"metadata": {"a": "` + strings.Repeat("x", chunks.MaxMetadata) + `"}`), "metadata may be at most 65536 bytes"},
		"deep metadata":               {chunk(`"metadata": ` + strings.Repeat(`{"a":`, 101) + "1" + strings.Repeat("}", 101)), "metadata is nested deeper than 100 levels"},
		"very deep metadata":          {chunk(`"metadata": ` + strings.Repeat(`[`, 200_000) + strings.Repeat("]", 200_000)), "valid JSON"},
		"a content over the limit":    {`{"chunk_index": 1, "content": "` + strings.Repeat("ü", chunks.MaxContent+1) + `"}`, "content may have at most 1000000 characters"},
		"enabled that is a number":    {chunk(`"enabled": 1`), "enabled must be true or false"},
		"bytes that are no UTF-8":     {"{\"chunk_index\": 1, \"content\": \"a\xc3\x28\"}", "is not valid UTF-8"},
		"a comment":                   {`{"chunk_index": 1, "content": "x"} // why not`, "is not valid JSON"},
		"NaN":                         {`{"chunk_index": NaN, "content": "x"}`, "is not valid JSON"},
		"a control character":         {"{\"chunk_index\": 1, \"content\": \"a\x01b\"}", "is not valid JSON"},
		"single quotes":               {`{'chunk_index': 1}`, "is not valid JSON"},
		"a trailing comma":            {`{"chunk_index": 1, "content": "x",}`, "is not valid JSON"},
	}
}

func TestLoad_ABadLineIsNamedAndNothingIsStored(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	d := completed(t, w, c.ID)
	for name, bad := range badLines(d) {
		t.Run(name, func(t *testing.T) {
			for _, mode := range []string{"error", "replace"} {
				a := w.In(t).Request(testworld.Scenario{
					As: &w.Root, Method: http.MethodPost, URL: loadPath(c) + "?on_conflict=" + mode,
					Body:    linesOf(d, 0, 299) + "\n" + bad[0] + "\n" + linesOf(d, 300, 310),
					Headers: map[string]string{"Content-Type": "application/x-ndjson"},
					Status:  http.StatusUnprocessableEntity, Has: []string{bad[1], `"line":302`, "Line 302"}, HasNot: []string{"SQLSTATE", ".go:"}, Pure: true,
				})
				require.Less(t, len(a.Body), 2000, "what is wrong is said and not repeated")
			}
		})
	}
}

func TestLoad_BadBodiesAreRefused(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker(), testworld.Setting("MAX_JSON_BATCH_ROWS=3"))
	c := w.Collection(w.Root)
	asJSON := map[string]string{"Content-Type": "application/json"}
	chunk := `{"chunk_index": 1, "content": "x"}`
	send := func(name, body string, headers map[string]string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: loadPath(c), Body: body, Headers: headers, Status: status, Has: has, Pure: true}
	}
	w.HTTP(t,
		send("another type", chunk, map[string]string{"Content-Type": "text/csv"}, 415, "application/x-ndjson"),
		send("no JSON", `{"chunks": [`, asJSON, 400, "malformed_json"),
		send("an empty body", ``, asJSON, 400, "malformed_json"),
		send("an array alone", `[]`, asJSON, 400, "malformed_json"),
		send("no chunks", `{}`, asJSON, 400, "malformed_json"),
		send("null", `{"chunks": null}`, asJSON, 400, "malformed_json"),
		send("another member", `{"chunks": [], "on_conflict": "skip"}`, asJSON, 400, "on_conflict"),
		send("chunks twice", `{"chunks": [], "chunks": []}`, asJSON, 400, "malformed_json"),
		send("something behind it", `{"chunks": []} {}`, asJSON, 400, "follows"),
		send("one too many", `{"chunks": [`+strings.Repeat(chunk+",", 3)+chunk+`]}`, asJSON, 413, "at most 3 chunks", "x-ndjson"),
		send("a bad one", `{"chunks": [`+chunk+`, {"chunk_index": 2}]}`, asJSON, 422, `"index":1`, "Element 1 of chunks", "body.chunks[1].content"),
		send("a line too long", `{"content": "`+strings.Repeat("x", 16<<20)+`"}`, map[string]string{"Content-Type": "application/x-ndjson"}, 413, `"line":1`),
		testworld.Scenario{Name: "no such mode", As: &w.Root, Method: http.MethodPost, URL: loadPath(c) + "?on_conflict=merge", Body: chunk, Headers: asJSON, Status: 422, Has: []string{"on_conflict"}, Pure: true},
	)
}

// Ten thousand lines that something was done to. Each by itself is refused with a reason
// that names it, or read; what was read is stored to the last chunk; and among good lines
// each that was refused takes them all with it.
func TestLoad_TenThousandHostileLines(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	var good, bad []string
	expected := int64(0)
	for index := range 10_000 {
		line := spoil(random, fmt.Sprintf(`{"chunk_index": %d, "content": "line %d", "metadata": {"a": [1, 2.5, "x", null]}, "token_count": 3}`, index, index))
		// Not as the first line, which alone may begin with a byte order mark.
		n, err := chunks.CountLines(strings.NewReader("\n" + line))
		if err != nil {
			require.Contains(t, []apperr.Kind{apperr.Invalid, apperr.TooLarge}, apperr.KindOf(err), "%q: %v", line, err)
			bad = append(bad, line)
			continue
		}
		if strings.Contains(line, "document_id") { // of no document that there is
			continue
		}
		good = append(good, line)
		expected += int64(n)
	}
	require.Greater(t, len(good), 1000)
	require.Greater(t, len(bad), 1000)

	n := counted(t, post(w, c, "?on_conflict=skip", strings.Join(good, "\n")))
	inserted, skipped := int64(n[0]), int64(n[1])
	require.Equal(t, expected, inserted+skipped)
	require.Equal(t, inserted, w.Read(c.ID).ChunkCount)
	require.Equal(t, inserted, w.Int(`select count(*) from chunks`))

	for _, line := range bad[:100] {
		a := post(w, c, "?on_conflict=replace", good[0]+"\n"+line+"\n"+good[1])
		require.Contains(t, []int{http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge}, a.Status, "%q: %s", line, a.Body)
		require.NotNil(t, a.JSON(t)["line"], "%q: %s", line, a.Body)
		require.NotContains(t, a.Body, "SQLSTATE")
	}
	require.Zero(t, w.Int(`select count(*) from chunks where edited_at is not null or updated_at <> created_at`))
}

// spoil does something to a line, or to several things in it.
func spoil(random *rand.Rand, line string) string {
	pieces := []string{
		"\x00", "\xff", "\xef\xbb\xbf", "\r", "\r\n", "\n", "\u2028", `\u0000`, `\ud800`, "{", "}", "[", "]", `"`, ",", ":", "null", "true",
		"1e999", "-0", "99999999999999999999", "NaN", `{"a":1,"a":2}`, strings.Repeat("[", 10_001), strings.Repeat(`{"a":`, 200), `"content":"again",`,
		`"document_id":"` + uuid.NewString() + `",`, "\t", "\\", "\x7f", "😀", "'; drop table chunks; --",
	}
	b := []byte(line)
	for range random.IntN(4) {
		at := random.IntN(len(b) + 1)
		switch random.IntN(5) {
		case 0: // put something in
			b = append(b[:at:at], append([]byte(pieces[random.IntN(len(pieces))]), b[at:]...)...)
		case 1: // take something out
			end := min(len(b), at+random.IntN(8))
			b = append(b[:at:at], b[end:]...)
		case 2: // change a byte
			if at < len(b) {
				b[at] = byte(random.IntN(256))
			}
		case 3: // cut it off, now and then
			if random.IntN(4) == 0 {
				b = b[:at]
			}
		default: // leave it
		}
	}
	return string(b)
}

// A conflict ends a load whose body has come to its end long ago: the answer is the
// conflict, each time.
func TestLoad_AConflictInABodyThatWasReadWhole(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	body := `{"chunks": [` + strings.TrimSuffix(strings.Repeat(`{"chunk_index": 0, "content": "0"},`, 10_000), ",") + `]}`
	for range 10 {
		a := post(w, c, "", body, "Content-Type", "application/json")
		require.Equal(t, http.StatusConflict, a.Status, a.Body)
	}
}

// The document of another's collection must not become known by loading into it.
func TestLoad_TellsNothingOfOtherCollections(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	mine, theirs := w.Collection(w.Root), w.Collection(w.User("somebody"))
	there, nowhere := completed(t, w, theirs.ID), uuid.New()
	answer := func(d uuid.UUID, mode string) string {
		a := post(w, mine, "?on_conflict="+mode, lineOf(d, 0, "x"))
		require.Equal(t, http.StatusConflict, a.Status)
		problem := a.JSON(t)
		delete(problem, "correlation_id")
		said, err := json.Marshal(problem)
		require.NoError(t, err)
		return strings.ReplaceAll(string(said), d.String(), "it")
	}
	for _, mode := range []string{"error", "skip", "replace"} {
		require.Equal(t, answer(nowhere, mode), answer(there, mode))
	}
}
