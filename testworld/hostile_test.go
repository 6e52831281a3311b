package testworld_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/testworld"
)

// What is hostile in a value reaches the modules over HTTP: each is answered with
// a reason, or stored and given back as it came, and never with a fault.
func TestHostile_ValuesAreRefusedOrKept(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	post := func(name, path, body string, status int, has ...string) testworld.Scenario {
		return testworld.Scenario{Name: name, As: &w.Root, Method: http.MethodPost, URL: path, Body: body, Status: status, Has: has, HasNot: []string{"SQLSTATE", "pq:", ".go:"}}
	}
	const collections, search = "/api/v2/collections", "/api/v2/search"
	c := w.Collection(w.Root)
	in := `,"collection_uuids":["` + c.ID.String() + `"]}`
	numbers := func(n int, one string) string {
		return `{"a":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`
	}
	w.HTTP(t,
		post("numbers that grow", collections, `{"name":"n","metadata":`+numbers(5000, "1e300")+`}`, 422, "body.metadata", "without exponents"),
		post("a number beyond a double", collections, `{"name":"n","metadata":{"a":1e400}}`, 400, "1e400"),
		post("a number where a whole one is wanted", collections, `{"name":"n","chunk_size":1e400}`, 400),
		testworld.Scenario{Name: "a form's numbers that grow", As: &w.Root, Method: http.MethodPost, URL: collections + "/" + c.ID.String() + "/documents", Status: 422, Has: []string{"body.metadata", "double"}, Pure: true,
			Body: testworld.Form{Fields: map[string]string{"metadata": numbers(5000, "1e131071")}, Files: []testworld.File{{Path: "a.txt", Content: "a"}}}},
		post("a whole number beyond all", collections, `{"name":"n","chunk_size":99999999999999999999}`, 422),
		post("a part of one", collections, `{"name":"n","chunk_size":1000.5}`, 422),
		post("a NUL in a name", collections, `{"name":"n\u0000m"}`, 201, `"name":"nm"`),
		post("a name of NULs", collections, `{"name":"\u0000"}`, 422),
		post("a NUL in metadata", collections, `{"name":"n","metadata":{"a":"\u0000"}}`, 422),
		post("half a surrogate pair", collections, `{"name":"\ud800"}`, 400, "surrogate"),
		post("bytes that are no UTF-8", collections, "{\"name\":\"\xc3\x28\"}", 400, "UTF-8"),
		post("a member twice", collections, `{"name":"a","name":"b"}`, 400, "twice"),
		post("a deep one", collections, `{"name":"n","metadata":`+strings.Repeat(`{"a":`, 99)+"1"+strings.Repeat("}", 99)+"}", 201),
		post("a deeper one", collections, `{"name":"m","metadata":`+strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000)+"}", 400, "nested"),
		post("lines in a name", collections, `{"name":"line\r\nX-Injected one"}`, 201, `line\r\nX-Injected one`),
		post("a search for operators", search, `{"query":"& | ! <-> :* ' \\ \" ( ) %"`+in, 200),
		post("a search for a NUL", search, `{"query":"a\u0000b"`+in, 422, "NUL"),
		post("a search for nothing that can be seen", search, `{"query":"\u200b\u202e\ufeff"`+in, 200),
		post("a search in the collection of somebody's dreams", search, `{"query":"a","collection_uuids":["00000000-0000-0000-0000-000000000000"]}`, 422),
		post("a login with a pattern", "/api/auth/login", `{"username":"%","password":"_"}`, 401),
		post("a login with a statement", "/api/auth/login", `{"username":"' or 1=1 --","password":"' or 1=1 --"}`, 401),
	)
}

// A file's name comes back in the answer, and becomes no header and no path.
func TestHostile_NamesOfFiles(t *testing.T) {
	t.Parallel()
	w := testworld.New(t, testworld.NoWorker())
	c := w.Collection(w.Root)
	token := "Bearer " + w.Token(w.Root)
	for _, name := range []string{
		"a%0d%0aX-Injected: 1.txt", `a\r\nX-Injected: 1.txt`, "../../../etc/passwd", "/etc/passwd", `C:\Windows\win.ini`, "a\x00b.txt",
		strings.Repeat("a", 20_000) + ".txt", "\u202etxt.exe", "..", ".", "", " ", "a\tb.txt", "\xff\xfe.txt", "con", "<script>.txt", `"; filename=evil.sh`,
	} {
		body := "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + strings.ReplaceAll(name, `"`, "%22") + "\"\r\n\r\ncontent of " + name + "\r\n--x--\r\n"
		a := w.Send(testworld.Scenario{
			Token: token, Method: http.MethodPost, URL: "/api/v2/collections/" + c.ID.String() + "/documents",
			Body: body, Headers: map[string]string{"Content-Type": "multipart/form-data; boundary=x"},
		})
		require.Contains(t, []int{202, 400, 413, 422}, a.Status, "%q: %s", name, a.Body)
		require.Empty(t, a.Header.Get("X-Injected"), name)
		require.NotContains(t, a.Body, `\u0000`, name)
	}
}
