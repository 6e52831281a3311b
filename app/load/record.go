package load

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// recordVersion changes with the way in which files are cut.
const recordVersion = 1

// Record is what is known of a load: which of its parts the server has acknowledged, and
// which may have reached it. It is kept in a file, unless it has no path, and may be used
// by several goroutines.
type Record struct {
	path string

	mu    sync.Mutex
	state recordState
	done  map[int]bool
}

type recordState struct {
	Version int `json:"version"`
	// Name is for people who look into the folder.
	Name     string `json:"name"`
	Identity string `json:"identity"`
	// Begun is how many parts may have been sent: those with a lower number.
	Begun int `json:"begun"`
	// Done are the parts that were acknowledged: all below the first number, and these.
	DoneBelow int    `json:"done_below"`
	Done      []int  `json:"done"`
	Counts    Counts `json:"counts"`
}

// Counts says what became of chunks.
type Counts struct {
	Inserted int64 `json:"inserted"`
	Skipped  int64 `json:"skipped"`
	Replaced int64 `json:"replaced"`
}

// Chunks is how many there are in all.
func (c Counts) Chunks() int64 { return c.Inserted + c.Skipped + c.Replaced }

func (c *Counts) add(more Counts) {
	c.Inserted += more.Inserted
	c.Skipped += more.Skipped
	c.Replaced += more.Replaced
}

// NewRecord reads what is known of loading the source to a place, a server's collection,
// out of a folder for such records; a load that was never begun has an empty one. A
// source that cannot be told from others has one that is not kept.
func NewRecord(folder, place string, source *Source) (*Record, error) {
	r := &Record{done: map[int]bool{}, state: recordState{Version: recordVersion, Name: source.Name, Identity: source.Identity}}
	if source.Identity == "" {
		return r, nil
	}
	sum := sha256.Sum256([]byte(place + "\n" + source.Identity))
	r.path = filepath.Join(folder, hex.EncodeToString(sum[:16])+".json")
	data, err := os.ReadFile(r.path)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading how far the load is: %w", err)
	}
	var kept recordState
	if json.Unmarshal(data, &kept) != nil || kept.Version != recordVersion || kept.Identity != source.Identity {
		return nil, fmt.Errorf("%s does not say how far the load is; it was written by another version, or is damaged. Delete it and load with --on-conflict skip", r.path)
	}
	r.state = kept
	for _, number := range kept.Done {
		r.done[number] = true
	}
	return r, nil
}

// Counts says what the acknowledged parts have brought.
func (r *Record) Counts() Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Counts
}

// acknowledged reports whether the server has the part.
func (r *Record) acknowledged(number int) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return number < r.state.DoneBelow || r.done[number]
}

// begin notes that the part is about to be sent, and reports whether it may have been
// sent before.
func (r *Record) begin(number int) (before bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if number < r.state.Begun {
		return true, nil
	}
	r.state.Begun = number + 1
	return false, r.write()
}

// acknowledge notes that the server has the part.
func (r *Record) acknowledge(number int, c Counts) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[number] = true
	for r.done[r.state.DoneBelow] {
		delete(r.done, r.state.DoneBelow)
		r.state.DoneBelow++
	}
	r.state.Counts.add(c)
	return r.write()
}

// write puts the record on the disk, as a whole or not at all.
func (r *Record) write() error {
	if r.path == "" {
		return nil
	}
	r.state.Done = r.state.Done[:0]
	for number := range r.done {
		r.state.Done = append(r.state.Done, number)
	}
	data, err := json.Marshal(r.state)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(r.path), 0o700)
	}
	if err == nil {
		err = os.WriteFile(r.path+".new", data, 0o600)
	}
	if err == nil {
		err = os.Rename(r.path+".new", r.path)
	}
	if err != nil {
		return fmt.Errorf("noting how far the load is: %w", err)
	}
	return nil
}

// forget takes the record away: the load has come to its end.
func (r *Record) forget() error {
	if r.path == "" {
		return nil
	}
	if err := os.Remove(r.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("taking away the note of how far the load is: %w", err)
	}
	return nil
}
