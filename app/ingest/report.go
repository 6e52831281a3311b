package ingest

import (
	"cmp"
	"slices"
	"sync"
	"time"
)

// Report is what became of a folder.
type Report struct {
	Folder       string `json:"folder"`
	Collection   string `json:"collection"`
	CollectionID string `json:"collection_id"`
	// Made says that the collection was not there before.
	Made bool `json:"collection_made"`
	// Files is how many files the folder has, without what is left out.
	Files int `json:"files"`
	// Uploaded are new documents, Replaced those that have a new content, and
	// Present the files whose content was there already.
	Uploaded int `json:"uploaded"`
	Replaced int `json:"replaced"`
	Present  int `json:"already_there"`
	// Bytes were sent.
	Bytes int64 `json:"bytes"`
	// Skipped are the entries that were left out.
	Skipped []Entry `json:"skipped"`
	// Failed are the files that were not taken.
	Failed []Entry `json:"failed"`
	// Unreadable are the files that were taken, now or earlier, and hold nothing
	// that can be searched.
	Unreadable []Entry `json:"unreadable"`
	// Unfinished are the operations on the files that failed or were cancelled.
	Unfinished []Unfinished `json:"unfinished_operations"`
	// Chunks are what the collection can be searched for, and Waited says whether
	// it was waited for.
	Chunks int64 `json:"searchable_chunks"`
	Waited bool  `json:"waited"`
	// Seconds is how long it took, and UploadSeconds the upload alone.
	Seconds       float64 `json:"seconds"`
	UploadSeconds float64 `json:"upload_seconds"`
}

// Unfinished is an operation that was not carried through, and why.
type Unfinished struct {
	ID     string `json:"id"`
	Type   string `json:"type"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// Complete reports whether every file of the folder can be searched.
func (r *Report) Complete() bool {
	return len(r.Failed) == 0 && len(r.Unreadable) == 0 && len(r.Unfinished) == 0
}

// FilesPerSecond is the rate of the whole, waiting included.
func (r *Report) FilesPerSecond() float64 {
	if r.Seconds <= 0 {
		return 0
	}
	return float64(r.Files) / r.Seconds
}

// tally collects what several workers find out.
type tally struct {
	mu         sync.Mutex
	report     Report
	operations []string
	// here maps the paths of the documents that the folder stands for to its
	// files.
	here map[string]string
}

func (t *tally) update(fn func(r *Report)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(&t.report)
}

func (t *tally) stands(document, file string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.here[document] = file
}

func (t *tally) working(operation string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if operation != "" && !slices.Contains(t.operations, operation) {
		t.operations = append(t.operations, operation)
	}
}

// finish gives the report, in an order that does not depend on who was faster.
func (t *tally) finish(began time.Time) *Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	r := t.report
	r.Seconds = time.Since(began).Seconds()
	for _, list := range []*[]Entry{&r.Skipped, &r.Failed, &r.Unreadable} {
		*list = slices.SortedFunc(slices.Values(*list), func(a, b Entry) int { return cmp.Compare(a.Path, b.Path) })
		if *list == nil {
			*list = []Entry{}
		}
	}
	if r.Unfinished == nil {
		r.Unfinished = []Unfinished{}
	}
	return &r
}
