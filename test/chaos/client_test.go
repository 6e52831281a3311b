package chaos_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// patience bounds how long a client repeats a request until it has an answer. Nothing is
// down for that long.
const patience = time.Minute

// client is one of those who use the program. Its answers, and that it got none, are all
// that it knows.
type client struct {
	*chaos

	number int
	random *rand.Rand
	words  int
	files  map[*collection]map[string]*file
	// folders are those that this client has made sources of.
	folders map[*collection]*folder
}

// run does one thing after another until the context ends; the last one to its end.
func (c *client) run(ctx context.Context) {
	c.createCollection()
	for ctx.Err() == nil {
		c.act()
		time.Sleep(time.Duration(c.random.IntN(100)) * time.Millisecond)
	}
}

func (c *client) act() {
	living := c.estate.living()
	if len(living) < clients/2 {
		c.createCollection()
		return
	}
	in := living[c.random.IntN(len(living))]
	if in.quiet && c.random.IntN(5) > 0 {
		in = living[c.random.IntN(len(living))]
	}
	switch n := c.random.IntN(150); {
	case n >= 100:
		c.workOnFolder(c.folderIn(living))
	case n < 58:
		c.upload(in)
	case n < 64:
		c.deleteDocument(in)
	case n < 76:
		c.reindex(in)
	case n < 88:
		c.cancel()
	case n < 93:
		c.retryFailedIn(in)
	case n < 95:
		c.deleteCollection(in)
	case len(living) < 2*clients:
		c.createCollection()
	}
}

// request is one that can be sent again.
type request struct {
	method, path, contentType string
	body                      []byte
	// once is an Idempotency-Key.
	once string
	// person means that no API key may do it.
	person bool
}

// answer is one that is certain: no connection was lost over it, and the server did not
// say that it cannot serve.
type answer struct {
	status int
	body   []byte
	// again means that it is about another attempt than the first, of which nobody knows.
	again bool
}

// member reads a text of the answer.
func (a answer) member(name string) string {
	var members map[string]any
	_ = json.Unmarshal(a.body, &members)
	text, _ := members[name].(string)
	return text
}

// ask sends a request to one of the servers. It reports false when nobody knows whether
// it was carried out.
func (c *client) ask(r request) (answer, bool) {
	server := c.servers[c.random.IntN(len(c.servers))]
	// Not bounded: what was given up here could still be carried out later.
	sent, err := http.NewRequestWithContext(context.Background(), r.method, server.URL()+r.path, bytes.NewReader(r.body))
	if err != nil {
		c.t.Errorf("client %d: %v", c.number, err)
		return answer{}, false
	}
	sent.GetBody = nil // or a request with an Idempotency-Key would be sent again behind our back
	if r.contentType != "" {
		sent.Header.Set("Content-Type", r.contentType)
	}
	if r.once != "" {
		sent.Header.Set("Idempotency-Key", r.once)
	}
	if bearer := c.bearer(r); bearer != "" {
		sent.Header.Set("Authorization", "Bearer "+bearer)
	}
	response, err := c.http.Do(sent)
	if err != nil {
		c.count("requests without an answer")
		return answer{}, false
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	switch {
	case err != nil:
		c.count("requests without an answer")
		return answer{}, false
	case response.StatusCode == http.StatusServiceUnavailable, response.StatusCode == http.StatusTooManyRequests:
		c.count(fmt.Sprintf("answers of %d", response.StatusCode))
		return answer{}, false
	case response.StatusCode >= http.StatusInternalServerError:
		c.t.Errorf("%s %s was answered %d: %s", r.method, r.path, response.StatusCode, body)
		return answer{}, false
	}
	c.count("requests with an answer")
	return answer{status: response.StatusCode, body: body}, true
}

// bearer is what the request is signed with.
func (c *client) bearer(r request) string {
	if r.person {
		return c.token
	}
	return c.key
}

// askAgain asks, and again and again until there is an answer.
func (c *client) askAgain(r request) (answer, bool) {
	again := false
	for began := time.Now(); time.Since(began) < patience; again = true {
		if a, known := c.ask(r); known {
			a.again = again
			return a, true
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Errorf("%s %s has had no answer for %v", r.method, r.path, patience)
	return answer{}, false
}

// askSometimes asks, and again in one of two cases.
func (c *client) askSometimes(r request) (answer, bool) {
	if r.once != "" || c.random.IntN(2) == 0 {
		return c.askAgain(r)
	}
	return c.ask(r)
}

// sometimesOnce gives an Idempotency-Key in one of two cases.
func (c *client) sometimesOnce() string {
	if c.random.IntN(2) == 0 {
		return ""
	}
	return uuid.NewString()
}

func jsonRequest(method, path string, body any) request {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return request{method: method, path: path, contentType: "application/json", body: encoded}
}

// made asks for something without which nothing can begin, and gives a member of it.
func (c *client) made(method, path string, body any, member string) string {
	c.t.Helper()
	a, known := c.askAgain(jsonRequest(method, path, body))
	if !known || a.member(member) == "" {
		c.t.Fatalf("%s %s was answered %d: %s", method, path, a.status, a.body)
	}
	return a.member(member)
}

// word is one that nobody else uses.
func (c *client) word() string {
	c.words++
	return fmt.Sprintf("w%dx%dx", c.number, c.words)
}

// unexpected is an answer that contradicts what was acknowledged.
func (c *client) unexpected(what string, a answer) {
	c.t.Errorf("client %d: %s was answered %d: %s", c.number, what, a.status, a.body)
}

// refusedIn deals with an answer that is no success, about something in a collection: it
// may be busy with something else, or be gone, if anybody may have deleted it.
func (c *client) refusedIn(in *collection, what string, a answer) {
	switch {
	case a.status == http.StatusConflict:
		c.count("refusals for what is active (409)")
	case a.status == http.StatusNotFound && c.estate.fate(in) != alive:
		c.count("refusals for a collection that was deleted (404)")
	default:
		c.unexpected(what, a)
	}
}
