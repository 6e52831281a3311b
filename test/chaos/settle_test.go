package chaos_test

import (
	"context"
	"net/http"
	"slices"
	"time"
)

// left are the collections that are there, or may be.
func (e *estate) left() []*collection { return slices.Concat(e.living(), e.of(deleting)) }

// settle has what was left undone done, once all is up: documents that did not fail for
// good are worked on again, and every folder is looked through for the last time, or its
// source removed. It begins with finding out which collections there are.
func (c *chaos) settle(all []*client) {
	last := &client{chaos: c, random: c.random(2000)}
	for _, in := range c.estate.of(deleting) {
		if a, known := last.askAgain(request{method: http.MethodGet, path: in.path("")}); known && a.status == http.StatusNotFound {
			c.estate.become(in, deleted)
		}
	}
	for _, in := range c.estate.left() {
		last.syncBy(in, "pause") // nothing may begin by itself any more
	}
	c.awaitQuiet(time.Now().Add(quietTimeout))
	for _, in := range c.estate.left() {
		last.retryFailedIn(in)
	}
	c.awaitQuiet(time.Now().Add(quietTimeout))
	for _, in := range c.estate.left() {
		for _, owner := range all {
			if owner.folders[in] != nil {
				owner.lookLast(in)
			}
		}
	}
	c.awaitQuiet(time.Now().Add(quietTimeout))
	conn := c.connect()
	defer func() { _ = conn.Close(context.Background()) }()
	for _, id := range query[string](c, conn, `select uuid::text from operations order by id`) {
		c.watch(id) // those that nobody was told of, too
	}
}

// lookLast has the client's folder looked through for the last time, or its source removed.
// That may have to wait until another folder of the collection has been.
func (c *client) lookLast(in *collection) {
	f := c.folders[in]
	f.gone = c.random.IntN(5) == 0
	again := f.source == added && c.random.IntN(2) == 0
	for began := time.Now(); time.Since(began) < patience; {
		var done bool
		switch {
		case f.gone:
			done = c.removeSource(in)
		case again:
			_, done = c.syncNow(in)
		default:
			done = c.addSource(in)
		}
		if done {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	c.t.Errorf("%s of %s could not be looked through for %v", f.path, in.name, patience)
}
