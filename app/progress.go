package app

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"semantik/app/ingest"
)

// bars draws the phases of a load on standard error: a bar each where a person
// looks at it, a line each elsewhere.
type bars struct {
	shell *shell
	quiet bool

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

var _ ingest.Progress = (*bars)(nil)

// Phase begins a bar.
func (b *bars) Phase(name string, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
	switch {
	case b.quiet:
	case !b.shell.interactive():
		if total > 0 {
			b.shell.notef("%s %s\n", name, counted(total, "file", "files"))
		} else {
			b.shell.notef("%s\n", name)
		}
	default:
		b.bar = progressbar.NewOptions64(max(1, total),
			progressbar.OptionSetWriter(b.shell.stderr),
			progressbar.OptionSetDescription(name),
			progressbar.OptionSetWidth(30),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("files"),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionClearOnFinish(),
		)
	}
}

// Add moves the bar.
func (b *bars) Add(n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Add(n)
	}
}

// Set places the bar.
func (b *bars) Set(done, total int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		b.place(done, total)
	}
}

// place places a bar that is there.
func (b *bars) place(done, total int64) {
	if total == 0 {
		return
	}
	if b.bar.GetMax64() != total {
		b.bar.ChangeMax64(total)
	}
	if done < total { // at its end it would clear itself and could not go on
		_ = b.bar.Set64(done)
	}
}

// away says that the server is away and is waited for, and, for nil, that it is back.
func (b *bars) away(err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Clear()
	}
	if err == nil {
		b.shell.notef("The server answers again.\n")
		return
	}
	b.shell.notef("Waiting for the server: %v.\nIt is asked again and again, for ever unless --timeout says how long. Ctrl-C ends the waiting.\n", err)
}

// Close takes the bar away.
func (b *bars) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

func (b *bars) end() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
