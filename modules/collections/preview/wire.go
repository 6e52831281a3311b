package preview

import (
	"encoding/json"
	"path"

	"semantik/platform/web"
)

// directoryBody has the members of a directory's configuration, which the connector
// validates. Members that are not known are ignored.
type directoryBody struct {
	_               struct{} `additionalProperties:"true"`
	Path            string   `json:"path" doc:"An absolute path on the server."`
	ScanID          web.UUID `json:"scan_id" doc:"What the caller calls this preview."`
	Recursive       *bool    `json:"recursive,omitempty" doc:"Whether the folders within it are looked into; true if absent."`
	IncludePatterns []string `json:"include_patterns,omitempty" nullable:"true"`
	ExcludePatterns []string `json:"exclude_patterns,omitempty" nullable:"true"`
}

// config is the body as a source's configuration.
func (b directoryBody) config() (json.RawMessage, error) {
	return json.Marshal(map[string]any{
		"path": b.Path, "recursive": b.Recursive, "include_patterns": b.IncludePatterns, "exclude_patterns": b.ExcludePatterns,
	})
}

type previewBody struct {
	ScanID     web.UUID          `json:"scan_id"`
	Path       string            `json:"path"`
	Files      []previewFileBody `json:"files"`
	TotalFiles int64             `json:"total_files" doc:"All files that were seen, also those that are not listed."`
	TotalSize  int64             `json:"total_size"`
	Warnings   []string          `json:"warnings"`
}

type previewFileBody struct {
	FilePath    string   `json:"file_path" doc:"Relative to the folder."`
	FileName    string   `json:"file_name"`
	FileSize    int64    `json:"file_size"`
	MIMEType    *string  `json:"mime_type"`
	ContentHash string   `json:"content_hash" doc:"SHA-256 in hex; empty where the file was not read."`
	ModifiedAt  web.Time `json:"modified_at"`
}

func newPreviewBody(r Result) previewBody {
	body := previewBody{
		ScanID: web.NewUUID(r.ScanID), Path: r.Path, Files: make([]previewFileBody, len(r.Files)),
		TotalFiles: r.TotalFiles, TotalSize: r.TotalSize, Warnings: r.Warnings,
	}
	for i, f := range r.Files {
		body.Files[i] = previewFileBody{
			FilePath: f.Path, FileName: path.Base(f.Path), FileSize: f.Size, ContentHash: f.Hash, ModifiedAt: web.NewTime(f.ModifiedAt),
		}
		if f.MIMEType != "" {
			body.Files[i].MIMEType = &f.MIMEType
		}
	}
	return body
}
