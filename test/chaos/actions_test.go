package chaos_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"slices"

	"github.com/google/uuid"
)

func (c *client) createCollection() {
	name := "chaos " + c.word()
	r := jsonRequest(http.MethodPost, "/api/v2/collections", map[string]any{"name": name, "chunk_size": 100 + c.random.IntN(200), "chunk_overlap": 0})
	r.once = uuid.NewString()
	a, known := c.askAgain(r)
	if !known {
		return
	}
	if a.status != http.StatusCreated {
		c.unexpected("making "+name, a)
		return
	}
	c.count("collections made")
	c.estate.add(&collection{id: a.member("id"), name: name, quiet: c.random.IntN(2) == 0})
	c.watch(a.member("initial_operation_id"))
}

// upload sends up to three files, new ones or new contents of old ones.
func (c *client) upload(in *collection) {
	sent := map[string]*change{}
	for range 1 + c.random.IntN(3) {
		f := c.someFile(in)
		if sent[f.path] == nil {
			sent[f.path] = f.change(newContent(c.random, c.word(), f.extension))
		}
	}
	body, contentType := form(sent)
	r := request{method: http.MethodPost, path: "/api/v2/collections/" + in.id + "/documents", contentType: contentType, body: body, once: c.sometimesOnce()}
	a, known := c.askSometimes(r)
	if !known {
		c.count("uploads of which nobody knows")
		return
	}
	if a.status != http.StatusAccepted {
		for _, ch := range sent {
			ch.refused(a)
		}
		c.refusedIn(in, "an upload into "+in.name, a)
		return
	}
	c.taken(in, a, sent)
}

// taken notes what became of each file.
func (c *client) taken(in *collection, a answer, sent map[string]*change) {
	var told struct {
		OperationID string `json:"operation_id"`
		Documents   []struct {
			ID       string `json:"id"`
			FilePath string `json:"file_path"`
			Outcome  string `json:"outcome"`
			Error    struct {
				Code string `json:"code"`
			} `json:"error"`
		} `json:"documents"`
	}
	if err := json.Unmarshal(a.body, &told); err != nil || len(told.Documents) != len(sent) {
		c.unexpected("an upload into "+in.name, a)
		return
	}
	c.watch(told.OperationID)
	for _, d := range told.Documents {
		ch := sent[d.FilePath]
		switch {
		case ch == nil:
			c.unexpected("an upload into "+in.name, a)
		case d.Outcome != "failed":
			c.count("files acknowledged")
			ch.done(d.ID)
		case d.Error.Code == "operation_active", d.Error.Code == "collection_not_found":
			c.count("files refused (" + d.Error.Code + ")")
			ch.refused(a)
		default: // what the database did to it, perhaps after it was there
			c.count("files of which nobody knows (" + d.Error.Code + ")")
		}
	}
}

// someFile is a file in the collection: a new one, or one of this client's.
func (c *client) someFile(in *collection) *file {
	if c.files[in] == nil {
		c.files[in] = map[string]*file{}
	}
	there := slices.Sorted(maps.Keys(c.files[in]))
	if len(there) > 0 && c.random.IntN(4) == 0 {
		return c.files[in][there[c.random.IntN(len(there))]]
	}
	extension := []string{".txt", ".txt", ".txt", ".txt", ".html", ".html", ".md", ".md", ".md", ".png"}[c.random.IntN(10)]
	f := &file{path: fmt.Sprintf("%d/%d%s", c.number, len(there), extension), extension: extension, possible: map[string]content{absent.hash: absent}}
	c.files[in][f.path] = f
	return f
}

func form(sent map[string]*change) (body []byte, contentType string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, path := range slices.Sorted(maps.Keys(sent)) {
		part, err := w.CreateFormFile("file", path)
		if err == nil {
			_, err = io.WriteString(part, sent[path].to.text)
		}
		if err != nil {
			panic(err) // a buffer takes everything
		}
	}
	_ = w.Close()
	return b.Bytes(), w.FormDataContentType()
}

// deleteDocument deletes one of this client's, of which it knows that it is there.
func (c *client) deleteDocument(in *collection) {
	var known []*file
	for _, path := range slices.Sorted(maps.Keys(c.files[in])) {
		if f := c.files[in][path]; f.sure() && f.id != "" {
			known = append(known, f)
		}
	}
	if len(known) == 0 {
		return
	}
	f := known[c.random.IntN(len(known))]
	path := "/api/v2/collections/" + in.id + "/documents/" + f.id
	ch := f.change(absent)
	a, answered := c.askSometimes(request{method: http.MethodDelete, path: path})
	switch {
	case !answered:
		c.count("deletions of a document of which nobody knows")
	case a.status == http.StatusNoContent, a.status == http.StatusNotFound && a.again && c.estate.fate(in) == alive:
		c.count("documents deleted")
		ch.done("")
	default:
		ch.refused(a)
		c.refusedIn(in, "deleting "+f.path+" of "+in.name, a)
	}
}

func (c *client) reindex(in *collection) {
	a, known := c.askSometimes(jsonRequest(http.MethodPost, "/api/v2/collections/"+in.id+"/reindex", map[string]any{"chunk_size": 100 + c.random.IntN(400)}))
	switch {
	case !known:
		c.count("reindexes of which nobody knows")
	case a.status == http.StatusAccepted:
		c.count("reindexes acknowledged")
		c.watch(a.member("id"))
	default:
		c.refusedIn(in, "reindexing "+in.name, a)
	}
}

// cancel cancels one of the operations that have begun last, if it has not ended.
func (c *client) cancel() {
	o := c.watched.late(c.random)
	if o == nil {
		return
	}
	a, known := c.askSometimes(request{method: http.MethodDelete, path: "/api/v2/operations/" + o.id})
	switch {
	case !known:
		c.count("cancellations of which nobody knows")
	case a.status == http.StatusOK:
		c.count("cancellations acknowledged")
		o.cancelled.Store(true)
	case a.status == http.StatusBadRequest && a.member("code") == "operation_ended":
		c.count("cancellations that came too late")
	default:
		c.unexpected("cancelling "+o.id, a)
	}
}

func (c *client) retryFailedIn(in *collection) {
	a, known := c.askSometimes(request{method: http.MethodPost, path: "/api/v2/collections/" + in.id + "/documents/retry-failed"})
	switch {
	case !known:
		c.count("retries of which nobody knows")
	case a.status == http.StatusOK:
		c.count("retries acknowledged")
		c.watch(a.member("operation_id"))
	default:
		c.refusedIn(in, "retrying in "+in.name, a)
	}
}

func (c *client) deleteCollection(in *collection) {
	c.estate.become(in, deleting)
	a, known := c.askSometimes(request{method: http.MethodDelete, path: "/api/v2/collections/" + in.id})
	switch {
	case !known:
		c.count("deletions of a collection of which nobody knows")
	case a.status == http.StatusNoContent, a.status == http.StatusNotFound:
		c.count("collections deleted")
		c.estate.become(in, deleted)
	default:
		c.unexpected("deleting "+in.name, a)
	}
}
