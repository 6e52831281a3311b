package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"time"
)

// BinnedDocument is a document in the bin.
type BinnedDocument struct {
	ID              string    `json:"id"`
	FilePath        string    `json:"file_path"`
	FileSize        int64     `json:"file_size"`
	DeletedAt       time.Time `json:"deleted_at"`
	RestorableUntil time.Time `json:"restorable_until"`
}

// Bin lists the documents of a collection that were deleted and can be restored.
func (c *Client) Bin(ctx context.Context, collectionID string) iter.Seq2[Listed[BinnedDocument], error] {
	return pages(func(page url.Values) ([]Listed[BinnedDocument], int64, error) {
		page.Set("deleted", "true")
		var answer struct {
			Documents []Listed[BinnedDocument] `json:"documents"`
			Total     int64                    `json:"total"`
		}
		err := c.get(ctx, collectionPath(collectionID)+"/documents", page, &answer)
		return answer.Documents, answer.Total, err
	})
}

// RestoredDocument is a document that was taken out of the bin.
type RestoredDocument struct {
	Document struct {
		ID       string `json:"id"`
		FilePath string `json:"file_path"`
		Status   string `json:"status"`
	} `json:"document"`
	OperationID *string `json:"operation_id"`
}

// RestoreDocument takes a document out of the bin.
func (c *Client) RestoreDocument(ctx context.Context, collectionID, id string) (Listed[RestoredDocument], error) {
	var answer Listed[RestoredDocument]
	k := call{method: http.MethodPost, path: collectionPath(collectionID) + "/documents/" + url.PathEscape(id) + "/restore"}
	return answer, c.do(ctx, k, &answer)
}
