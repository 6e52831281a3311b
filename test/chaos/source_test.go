package chaos_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"time"
)

// workOnFolder does something about this client's folder in the collection, which it makes
// if there is none.
func (c *client) workOnFolder(in *collection) {
	f := c.folders[in]
	if f == nil {
		c.folders[in] = c.newFolder()
		c.addSource(in)
		return
	}
	switch n := c.random.IntN(20); {
	case n < 1:
		c.removeSource(in)
	case n < 4 || f.source == unknown && n < 15:
		f.change(c.random, c.nextContent)
		c.addSource(in)
	case n < 17:
		f.change(c.random, c.nextContent)
		c.syncSoon(in)
	case n < 18:
		c.syncBy(in, "pause")
	case n < 19:
		c.syncBy(in, "resume")
	default:
		c.syncByItself(in)
	}
}

// newFolder makes a folder with a few files, and in a long storm rarely one with more than
// what a step of a run over it looks at.
func (c *client) newFolder() *folder {
	n := 3 + c.random.IntN(10)
	if c.random.IntN(10) == 0 && c.long {
		n += 220
	}
	return newFolder(c.t, filepath.Join(c.root, fmt.Sprintf("%d-%s", c.number, c.word())),
		filepath.Join(c.root, fmt.Sprintf("beside-%d", c.number)), n, c.nextContent, c.random)
}

// folderIn is a collection in which this client has a folder, if it has one, and else one
// that may get one, a quiet one if there is any.
func (c *client) folderIn(living []*collection) *collection {
	found := living[c.random.IntN(len(living))]
	for _, in := range living {
		if c.folders[in] != nil {
			return in
		}
		if in.quiet && (!found.quiet || c.random.IntN(2) == 0) {
			found = in
		}
	}
	return found
}

// syncSoon waits a while for the collection to be free, and half of the times for the end.
func (c *client) syncSoon(in *collection) {
	for range 10 {
		run, started := c.syncNow(in)
		if started && c.random.IntN(2) == 0 {
			c.compare(in, run)
		}
		if started || c.estate.fate(in) != alive {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

func (c *client) nextContent(extension string) content {
	return newContent(c.random, c.word(), extension)
}

// addSource has this client's folder looked through, as a source that the collection has
// already or not. It reports whether that was acknowledged, as the next one does.
func (c *client) addSource(in *collection) bool {
	f := c.folders[in]
	a, known := c.askSometimes(jsonRequest(http.MethodPost, in.path("/sources"), map[string]any{"source_config": map[string]any{"path": f.path}}))
	switch {
	case !known:
		c.count("additions of a source of which nobody knows")
	case a.status == http.StatusAccepted:
		c.count("sources added")
		f.source = added
		c.watch(a.member("id"))
		return true
	default:
		c.refusedIn(in, "adding "+f.path+" to "+in.name, a)
	}
	return false
}

// removeSource removes this client's source. Somebody may cancel that in the middle.
func (c *client) removeSource(in *collection) bool {
	f := c.folders[in]
	was := f.source
	f.source = unknown
	a, known := c.askSometimes(request{method: http.MethodDelete, path: in.path("/sources?source_path=" + url.QueryEscape(f.path))})
	switch {
	case !known:
		c.count("removals of a source of which nobody knows")
	case a.status == http.StatusAccepted:
		c.count("removals of a source acknowledged")
		c.watch(a.member("id"))
		return true
	case a.member("code") == "source_not_found" && (was == unknown || a.again):
		c.count("removals of a source that is not there (404)")
		return true
	default:
		if !a.again {
			f.source = was
		}
		c.refusedIn(in, "removing "+f.path+" from "+in.name, a)
	}
	return false
}

// syncNow has all sources of the collection looked through, and gives the run that does.
func (c *client) syncNow(in *collection) (run int64, started bool) {
	a, known := c.askSometimes(request{method: http.MethodPost, path: in.path("/sync/run")})
	switch {
	case !known:
		c.count("syncs of which nobody knows")
	case a.status == http.StatusAccepted:
		c.count("syncs acknowledged")
		c.watchThoseOf(in)
		return runOf(a), true
	case a.member("code") == "no_sources" && c.folders[in].source == added:
		c.unexpected("synchronising "+in.name, a)
	default:
		c.refusedIn(in, "synchronising "+in.name, a)
	}
	return 0, false
}

// syncBy pauses the collection's synchronisation by itself, or resumes it.
func (c *client) syncBy(in *collection, verb string) {
	a, known := c.askSometimes(request{method: http.MethodPost, path: in.path("/sync/" + verb)})
	switch {
	case !known:
	case a.status == http.StatusOK, a.status == http.StatusBadRequest && a.member("code") == "sync_not_continuous":
		c.count(fmt.Sprintf("syncs %sd (%d)", verb, a.status))
	default:
		c.refusedIn(in, verb+" in "+in.name, a)
	}
}

// syncByItself makes the collection one that is synchronised by itself, and has a
// superuser start at once whatever is due: its time comes once a minute.
func (c *client) syncByItself(in *collection) {
	a, known := c.askSometimes(jsonRequest(http.MethodPut, in.path(""), map[string]any{"sync_mode": "continuous", "sync_interval_minutes": 15}))
	switch {
	case !known:
		return
	case a.status == http.StatusOK:
		c.count("collections that are synchronised by themselves")
	default:
		c.refusedIn(in, "changing "+in.name, a)
		return
	}
	due := request{method: http.MethodPost, path: "/api/v2/system/tasks/sync/run", person: true}
	a, known = c.askSometimes(due)
	switch {
	case !known:
	case a.status == http.StatusAccepted, a.status == http.StatusConflict:
		c.count(fmt.Sprintf("tasks started (%d)", a.status))
		c.watchThoseOf(in)
	default:
		c.unexpected("starting a task", a)
	}
}

// watchThoseOf watches the collection's newest operations: of some that it has nobody was
// told the id.
func (c *client) watchThoseOf(in *collection) {
	a, known := c.ask(request{method: http.MethodGet, path: in.path("/operations?per_page=3")})
	var operations []struct{ ID, Status string }
	if !known || a.status != http.StatusOK || json.Unmarshal(a.body, &operations) != nil {
		return
	}
	for _, o := range operations {
		if strings.HasPrefix(o.Status, "p") { // pending or processing
			c.watch(o.ID)
		}
	}
}
