package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Document is a document of a collection.
type Document struct {
	ID           string  `json:"id"`
	FilePath     string  `json:"file_path"`
	ContentHash  string  `json:"content_hash"`
	Status       string  `json:"status"`
	ErrorMessage *string `json:"error_message"`
	// ErrorCategory is permanent where trying again does not help.
	ErrorCategory *string `json:"error_category"`
	ChunkCount    int64   `json:"chunk_count"`
	// CreatedAt is when the server took it, by its clock.
	CreatedAt time.Time `json:"created_at"`
}

// Ended reports whether nothing is being done about the document.
func (d Document) Ended() bool { return d.Status != "pending" && d.Status != "processing" }

// Final reports whether sending the same content again would change nothing.
func (d Document) Final() bool {
	return d.Status == "completed" || (d.Status == "failed" && d.ErrorCategory != nil && *d.ErrorCategory == "permanent")
}

// Hit is a chunk that a search found.
type Hit struct {
	DocumentID     *string `json:"document_id"`
	ChunkID        int64   `json:"chunk_id"`
	ChunkIndex     int     `json:"chunk_index"`
	Score          float64 `json:"score"`
	Text           string  `json:"text"`
	Snippet        string  `json:"snippet"`
	FilePath       string  `json:"file_path"`
	CollectionName string  `json:"collection_name"`
}

// Found is the answer to a search.
type Found struct {
	Query    string   `json:"query"`
	Results  []Hit    `json:"results"`
	Warnings []string `json:"warnings"`
	// Failed are the collections that could not be searched.
	Failed  []FailedCollection `json:"failed_collections"`
	TotalMS float64            `json:"total_time_ms"`
	// Raw is the whole answer.
	Raw json.RawMessage `json:"-"`
}

// FailedCollection is one that could not be searched.
type FailedCollection struct {
	Name    string `json:"collection_name"`
	Message string `json:"error_message"`
}

// perPage is the most that the server gives at once.
const perPage = 100

// Documents lists the documents of a collection; with a status only those that
// have it. While others change the collection some may be missed or come twice.
func (c *Client) Documents(ctx context.Context, collectionID, status string) iter.Seq2[Document, error] {
	return pages(func(page url.Values) ([]Document, int64, error) {
		if status != "" {
			page.Set("status", status)
		}
		var answer struct {
			Documents []Document `json:"documents"`
			Total     int64      `json:"total"`
		}
		err := c.get(ctx, "/api/v2/collections/"+url.PathEscape(collectionID)+"/documents", page, &answer)
		return answer.Documents, answer.Total, err
	})
}

// ChunkTexts gives the first texts of a document's chunks.
func (c *Client) ChunkTexts(ctx context.Context, collectionID, documentID string) ([]string, error) {
	var answer struct {
		Chunks []struct {
			Content string `json:"content"`
		} `json:"chunks"`
	}
	err := c.get(ctx, "/api/v2/chunking/collections/"+url.PathEscape(collectionID)+"/chunks",
		url.Values{"document_id": {documentID}}, &answer)
	texts := make([]string, len(answer.Chunks))
	for i, chunk := range answer.Chunks {
		texts[i] = chunk.Content
	}
	return texts, err
}

// Search finds the k best chunks of the collections whose metadata the filter lets
// through; nil lets all through.
func (c *Client) Search(ctx context.Context, collectionIDs []string, query string, k int, filter json.RawMessage) (Found, error) {
	body := map[string]any{"collection_uuids": collectionIDs, "query": query, "k": k, "search_mode": "sparse"}
	if filter != nil {
		body["metadata_filter"] = filter
	}
	request, err := call{method: http.MethodPost, path: "/api/v2/search", repeatable: true}.jsonBody(body)
	if err != nil {
		return Found{}, err
	}
	found := Found{}
	if err := c.do(ctx, request, &found.Raw); err != nil {
		return Found{}, err
	}
	return found, json.Unmarshal(found.Raw, &found)
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	return c.do(ctx, call{method: http.MethodGet, path: path, query: query, repeatable: true}, out)
}

// pages reads a list page by page, for as long as it is asked for more.
func pages[T any](read func(page url.Values) ([]T, int64, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		seen := int64(0)
		for page := 1; ; page++ {
			items, total, err := read(url.Values{"page": {strconv.Itoa(page)}, "per_page": {strconv.Itoa(perPage)}})
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			seen += int64(len(items))
			if len(items) == 0 || seen >= total {
				return
			}
		}
	}
}
