package chaos_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
)

// content is what a file may have. Its first and its last word are nowhere else.
type content struct {
	text, hash  string
	first, last string
	// readable is false for what no text can be got of.
	readable bool
}

// absent stands among the contents that are possible for there being no document.
var absent = content{}

// newContent makes one that nobody else has: mostly small, sometimes as large as what is
// worked on in several transactions, and sometimes none that can be read.
func newContent(random *rand.Rand, word, extension string) content {
	c := content{first: word + "a", last: word + "z", readable: true}
	const sentence = "The walrus sleeps on the ice, and nobody wakes it before noon.\n\n"
	sentences := random.IntN(40)
	switch {
	case extension == ".png":
		c.text, c.readable = "\x89PNG\r\n\x1a\n"+word, false
	case extension == ".html":
		c.text = "<p>" + c.first + "</p>" + strings.Repeat("<p>"+sentence+"</p>", sentences) + "<p>" + c.last + "</p>"
	case random.IntN(40) == 0:
		sentences = 5200
		fallthrough
	default:
		c.text = c.first + "\n\n" + strings.Repeat(sentence, sentences) + c.last + "\n"
	}
	sum := sha256.Sum256([]byte(c.text))
	c.hash = hex.EncodeToString(sum[:])
	return c
}

// file is a path in a collection, which one client alone changes.
type file struct {
	path, extension string
	// possible are the contents that it may have, by their hashes: one where the last
	// request was answered.
	possible map[string]content
	// past are those that it certainly has no more.
	past []content
	// id is its document's, where that is known.
	id string
}

// change is what was sent to be done to a file. Until it is answered, it may have been
// done or not.
type change struct {
	file *file
	to   content
	id   string // of the document before
}

func (f *file) change(to content) *change {
	c := &change{f, to, f.id}
	f.id = ""
	f.possible[to.hash] = to
	return c
}

// done means that it was acknowledged: nothing else is possible any more.
func (c *change) done(id string) {
	for hash, was := range c.file.possible {
		if hash != c.to.hash && hash != absent.hash {
			c.file.past = append(c.file.past, was)
		}
	}
	c.file.possible = map[string]content{c.to.hash: c.to}
	c.file.id = id
}

// refused means that it was not done, if there was one attempt alone.
func (c *change) refused(a answer) {
	if !a.again {
		delete(c.file.possible, c.to.hash)
		c.file.id = c.id
	}
}

// sure reports whether there is exactly one thing that it can be.
func (f *file) sure() bool { return len(f.possible) == 1 }

func (f *file) String() string {
	var hashes []string
	for hash := range f.possible {
		if hash == absent.hash {
			hash = "absent"
		}
		hashes = append(hashes, fmt.Sprintf("%.8s", hash))
	}
	return f.path + " (" + strings.Join(hashes, " or ") + ")"
}

// fate is what has become of a collection.
type fate int

const (
	alive fate = iota
	// deleting means that a deletion was sent, and not answered so far.
	deleting
	deleted
)

// collection is one that was made.
type collection struct {
	id, name string
	// quiet is one in which less is done than in others, so that it is often free to be
	// synchronised.
	quiet bool
}

// path is that of a route about the collection.
func (c *collection) path(rest string) string { return "/api/v2/collections/" + c.id + rest }

// estate is the collections, which are everybody's.
type estate struct {
	mu    sync.Mutex
	order []*collection
	fates map[*collection]fate
}

func (e *estate) add(c *collection) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fates == nil {
		e.fates = map[*collection]fate{}
	}
	e.order = append(e.order, c)
	e.fates[c] = alive
}

func (e *estate) fate(c *collection) fate {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.fates[c]
}

// become moves on: what was deleted stays so.
func (e *estate) become(c *collection, f fate) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.fates[c] = max(e.fates[c], f)
}

// living gives those that nobody has tried to delete.
func (e *estate) living() []*collection { return e.of(alive) }

func (e *estate) of(f fate) []*collection {
	e.mu.Lock()
	defer e.mu.Unlock()
	var found []*collection
	for _, c := range e.order {
		if e.fates[c] == f {
			found = append(found, c)
		}
	}
	return found
}
