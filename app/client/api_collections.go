package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// Collection is a collection as far as the command line looks at it.
type Collection struct {
	ID             string    `json:"id"`
	Name           string    `json:"name"`
	Description    *string   `json:"description"`
	OwnerID        int64     `json:"owner_id"`
	IsPublic       bool      `json:"is_public"`
	CreatedAt      time.Time `json:"created_at"`
	Status         string    `json:"status"`
	StatusMessage  *string   `json:"status_message"`
	DocumentCount  int64     `json:"document_count"`
	VectorCount    int64     `json:"vector_count"`
	TotalSizeBytes int64     `json:"total_size_bytes"`
	ErrorCount     int64     `json:"error_count"`
	// InitialOperationID is set in the answer that made the collection.
	InitialOperationID *string `json:"initial_operation_id"`
}

// Working reports whether something is being done to the collection.
func (c Collection) Working() bool { return c.Status == "pending" || c.Status == "processing" }

// NewCollection says what a collection is made from. What is empty is the server's
// default.
type NewCollection struct {
	Name         string `json:"name"`
	Description  string `json:"description,omitempty"`
	IsPublic     bool   `json:"is_public,omitempty"`
	ChunkSize    int    `json:"chunk_size,omitempty"`
	ChunkOverlap *int   `json:"chunk_overlap,omitempty"`
}

func collectionPath(id string) string { return "/api/v2/collections/" + url.PathEscape(id) }

// CreateCollection makes a collection.
func (c *Client) CreateCollection(ctx context.Context, in NewCollection) (Listed[Collection], error) {
	k, err := call{method: http.MethodPost, path: "/api/v2/collections"}.jsonBody(in)
	if err != nil {
		return Listed[Collection]{}, err
	}
	var answer Listed[Collection]
	return answer, c.do(ctx, k, &answer)
}

// Collection reads a collection.
func (c *Client) Collection(ctx context.Context, id string) (Listed[Collection], error) {
	var answer Listed[Collection]
	return answer, c.get(ctx, collectionPath(id), nil, &answer)
}

// CollectionFilter says which collections are wanted. What is empty does not
// matter.
type CollectionFilter struct {
	// Text is in the name or the description.
	Text          string
	Status, Owner string
	// Sort is a member, with a - before it for the other way round.
	Sort string
	// All asks for everybody's, as a superuser.
	All bool
}

func (f CollectionFilter) add(values url.Values) {
	for name, value := range map[string]string{"q": f.Text, "status": f.Status, "owner": f.Owner, "sort": f.Sort} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if f.All {
		values.Set("all", "true")
	}
}

// Collections lists the collections that the user may read.
func (c *Client) Collections(ctx context.Context, f CollectionFilter) iter.Seq2[Listed[Collection], error] {
	return pages(func(page url.Values) ([]Listed[Collection], int64, error) {
		f.add(page)
		var answer struct {
			Collections []Listed[Collection] `json:"collections"`
			Total       int64                `json:"total"`
		}
		err := c.get(ctx, "/api/v2/collections", page, &answer)
		return answer.Collections, answer.Total, err
	})
}

// RenameCollection gives a collection another name.
func (c *Client) RenameCollection(ctx context.Context, id, name string) (Listed[Collection], error) {
	k, err := call{method: http.MethodPut, path: collectionPath(id), repeatable: true}.jsonBody(map[string]string{"name": name})
	if err != nil {
		return Listed[Collection]{}, err
	}
	var answer Listed[Collection]
	return answer, c.do(ctx, k, &answer)
}

// DeleteCollection deletes a collection with all that is in it.
func (c *Client) DeleteCollection(ctx context.Context, id string) error {
	return c.do(ctx, call{method: http.MethodDelete, path: collectionPath(id)}, nil)
}
