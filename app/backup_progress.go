package app

import (
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"

	"semantik/schema/backup"
)

// backupProgress shows how far a backup or a restore is, on standard error: a bar for
// each phase where a person looks at it, a line elsewhere.
type backupProgress struct {
	shell *shell
	quiet bool

	mu  sync.Mutex
	bar *progressbar.ProgressBar
}

var _ backup.Progress = (*backupProgress)(nil)

// Phase begins a bar.
func (b *backupProgress) Phase(name string, total int64, bytes bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
	switch {
	case b.quiet:
	case !b.shell.interactive():
		b.shell.notef("%s\n", name)
	default:
		b.bar = progressbar.NewOptions64(total, b.options(name, total, bytes)...)
		_ = b.bar.RenderBlank()
	}
}

func (b *backupProgress) options(name string, total int64, bytes bool) []progressbar.Option {
	options := []progressbar.Option{
		progressbar.OptionSetWriter(b.shell.stderr),
		progressbar.OptionSetDescription(name),
		progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(100 * time.Millisecond),
		progressbar.OptionSetPredictTime(total > 0),
		progressbar.OptionClearOnFinish(),
	}
	switch {
	case bytes:
		options = append(options, progressbar.OptionShowBytes(true))
	case total > 0:
		options = append(options, progressbar.OptionShowCount())
	default: // nobody knows how long; it turns until the next phase
		options = append(options, progressbar.OptionSpinnerType(14))
	}
	return options
}

// Add moves the bar.
func (b *backupProgress) Add(n int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.bar != nil {
		_ = b.bar.Add64(n)
	}
}

// close takes the bar away.
func (b *backupProgress) close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.end()
}

func (b *backupProgress) end() {
	if b.bar != nil {
		_ = b.bar.Clear()
		b.bar = nil
	}
}
