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

// knownContents gives the paths of the collection's documents by the hash of
// their contents, as far as that is cheap: what it misses is uploaded, and the
// server finds that it is there.
func knownContents(ctx context.Context, c *client.Client, collection client.Collection, files int) (map[string]string, error) {
	known := map[string]string{}
	if collection.DocumentCount > min(askUpTo, askFactor*int64(files)) {
		return known, nil
	}
	if collection.DocumentCount == 0 {
		return known, nil
	}
	for document, err := range c.Documents(ctx, collection.ID, "") {
		if err != nil {
			return nil, err
		}
		known[document.ContentHash] = document.FilePath
	}
	return known, nil
}
