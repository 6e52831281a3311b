package app

import (
	"time"

	"github.com/schollz/progressbar/v3"

	"semantik/app/client"
)

// lineEvery is the time between two lines about an operation, where nobody sees a bar.
const lineEvery = 5 * time.Second

// sight shows an operation that is watched: a bar on standard error where a person looks
// at it, a line now and then elsewhere, and a line of JSON for each change where that was
// asked for. It is used by one goroutine, but for above.
type sight struct {
	shell *shell
	json  bool
	bars  *bars
	// now is the server's time.
	now func() time.Time

	status string
	lineAt time.Time
}

func (s *shell) sight(asJSON bool) *sight {
	return &sight{shell: s, json: asJSON, bars: &bars{shell: s}, now: time.Now}
}

// above hears whether the server is away.
func (w *sight) above(err error) { w.bars.away(err) }

// show shows how the operation is.
func (w *sight) show(o client.Operation) {
	changed := o.Status != w.status
	w.status = o.Status
	switch {
	case o.Ended(): // what became of it is said after the last look
	case w.json:
		_ = w.shell.json(o) // a pipe that nobody reads any more is no reason to stop
	case w.shell.interactive():
		w.draw(o)
	case changed || time.Since(w.lineAt) >= lineEvery:
		w.lineAt = time.Now()
		w.shell.printf("%s\n", watchedText(o, w.now()))
	}
}

func (w *sight) close() { w.bars.Close() }

// draw draws the bar. Its own idea of a pace would begin with our look and not with the
// operation, so ours stands before it.
func (w *sight) draw(o client.Operation) {
	w.bars.mu.Lock()
	defer w.bars.mu.Unlock()
	if w.bars.bar == nil {
		w.bars.bar = progressbar.NewOptions64(1,
			progressbar.OptionSetWriter(w.shell.stderr),
			progressbar.OptionSetWidth(20),
			progressbar.OptionShowCount(),
			progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionSetPredictTime(false),
			progressbar.OptionSetElapsedTime(false),
			progressbar.OptionClearOnFinish(),
		)
	}
	text := o.Type
	if o.Status == "pending" {
		text += " (waiting)"
	}
	if pace := paceText(o, w.now()); pace != "" {
		text += " " + pace
	}
	if o.Progress != nil {
		w.bars.place(o.Progress.Done, o.Progress.Total)
	}
	w.bars.bar.Describe(plain(text)) // which draws it, however short ago it was drawn
}

// watchedText is a line about an operation.
func watchedText(o client.Operation, now time.Time) string {
	text := o.Type + " is " + o.Status
	if progress := progressText(o); progress != "" {
		text += ": " + progress
	}
	if pace := paceText(o, now); pace != "" {
		text += ", " + pace
	}
	return plain(text)
}
