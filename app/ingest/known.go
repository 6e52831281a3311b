package ingest

import (
	"context"

	"semantik/app/client"
)

// Asking costs a request for every hundred documents of the collection, and the
// later pages more than the first; sending a file that is there costs a request
// for every few dozen and its bytes.
const (
	// askUpTo is how large a collection may be to be asked about all.
	askUpTo = 20_000
	// askFactor is how many times larger than the folder it may be.
	askFactor = 20
)

// contents is what a collection has, as far as it was asked.
type contents struct {
	// paths of the documents by the hash of their contents.
	paths map[string]string
	// hashes of the documents by their paths.
	hashes map[string]string
}

// has reports whether a file with this path and hash need not be sent, and which
// document it is. A path whose document has another content is sent: the server
// must hear that the old one is gone.
func (c contents) has(path, hash string) (string, bool) {
	document, known := c.paths[hash]
	old, placed := c.hashes[path]
	return document, known && (!placed || old == hash)
}

// knownContents asks for the collection's documents, as far as that is cheap: what
// it misses is uploaded, and the server finds that it is there. A document that
// nobody is going to finish is left out, so that sending it has it taken up again.
func knownContents(ctx context.Context, c *client.Client, collection client.Collection, files int) (contents, error) {
	known := contents{paths: map[string]string{}, hashes: map[string]string{}}
	if n := collection.DocumentCount; n == 0 || n > min(askUpTo, askFactor*int64(files)) {
		return known, nil
	}
	for document, err := range c.Documents(ctx, collection.ID, "") {
		if err != nil {
			return known, err
		}
		known.hashes[document.FilePath] = document.ContentHash
		if document.Final() || (!document.Ended() && collection.Working()) {
			known.paths[document.ContentHash] = document.FilePath
		}
	}
	return known, nil
}
