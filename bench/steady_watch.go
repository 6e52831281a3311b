package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

const (
	// askEvery is the time between two requests of the one who asks beside a load. It is
	// a rate and not as fast as can be, so that asking is no load of its own.
	askEvery = 40 * time.Millisecond
	// weighEvery is the time between two looks at the memory.
	weighEvery = time.Second
)

// watch is somebody who lists the collections while something goes on, and an eye on
// the server's memory.
type watch struct {
	server *server
	token  string
	// files is how many will be loaded in all; 0 while nothing is.
	files int
	told  teller

	mu     sync.Mutex
	memory []float64
	looks  []look
}

// look is one answer: when it came, how long it took, and how much is loaded by it.
type look struct {
	at, took       time.Duration
	taken, visible int64
	// memory of the server by then, in MiB.
	memory float64
}

func newWatch(s *server, token string, files int) *watch {
	return &watch{server: s, token: token, files: files, told: teller{part: "steady"}}
}

// during watches while fn runs. An answer that does not come is an error, which ends
// fn too.
func (w *watch) during(ctx context.Context, fn func(ctx context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watching, stop := context.WithCancel(ctx)
	defer stop()
	var both sync.WaitGroup
	both.Go(func() {
		if err := w.ask(watching); err != nil && watching.Err() == nil {
			cancel(err)
		}
	})
	both.Go(func() { w.weigh(watching) })
	err := fn(ctx)
	stop()
	both.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// ask lists the collections at a steady rate. An answer that takes longer than the
// pause puts off the next request, and counts once.
func (w *watch) ask(ctx context.Context) error {
	began := time.Now()
	again := time.NewTicker(askEvery)
	defer again.Stop()
	for {
		asked := time.Now()
		answer, err := w.server.ask(ctx, w.token, http.MethodGet, "/api/v2/collections", "")
		if err != nil {
			return err
		}
		l := look{at: time.Since(began), took: time.Since(asked)}
		if err := l.read(answer); err != nil {
			return err
		}
		w.mu.Lock()
		if n := len(w.memory); n > 0 {
			l.memory = w.memory[n-1]
		}
		w.looks = append(w.looks, l)
		w.mu.Unlock()
		if w.files > 0 {
			w.told.tellf("%d of %d files sent, %d to be found, the server holds %.0f MiB", l.taken, w.files, l.visible, l.memory)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-again.C:
		}
	}
}

// read finds out how much is loaded.
func (l *look) read(answer []byte) error {
	var listed struct {
		Collections []struct {
			Name      string `json:"name"`
			Documents int64  `json:"document_count"`
			Vectors   int64  `json:"vector_count"`
		} `json:"collections"`
	}
	if err := json.Unmarshal(answer, &listed); err != nil {
		return fmt.Errorf("reading the list of collections: %w", err)
	}
	for _, c := range listed.Collections {
		if c.Name == steadyName {
			l.taken, l.visible = c.Documents, c.Vectors
		}
	}
	return nil
}

func (w *watch) weigh(ctx context.Context) {
	again := time.NewTicker(weighEvery)
	defer again.Stop()
	for {
		if now, err := memory(ctx, w.server.command.Process.Pid); err == nil {
			w.mu.Lock()
			w.memory = append(w.memory, now)
			w.mu.Unlock()
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// print prints what was seen, against what was while nothing went on.
func (w *watch) print(idle *watch) {
	sending, after := w.phases()
	printParts("sending", cut(sending, int64(w.files)/steadyParts, func(l look) int64 { return l.taken }))
	if rest := int64(w.files) - after[0].visible; rest >= steadyParts {
		printParts("all sent", cut(after, rest/(steadyParts/2), func(l look) int64 { return l.visible }))
	}
	first, last, most := firstLastMost(w.memory)
	linef("the server's memory", "%8.0f MiB before, %.0f after, %.0f at the most", first, last, most)
	linef("it grew by", "%8.2f bytes a file, first to last", ratio((last-first)*(1<<20), float64(w.files)))
	calm, busy := tookOf(idle.looks), tookOf(w.looks)
	linef("half the lists of collections", "within %.2f ms when idle, %.2f ms meanwhile", milliseconds(within(calm, 50)), milliseconds(within(busy, 50)))
	linef("99 of 100 of them", "within %.2f ms when idle, %.2f ms meanwhile, the slowest %.2f ms", milliseconds(within(calm, 99)), milliseconds(within(busy, 99)), milliseconds(within(busy, 100)))
	linef("ratio", "%8.2f (%d and %d lists)", ratio(within(busy, 99).Seconds(), within(calm, 99).Seconds()), len(calm), len(busy))
}

// steadyPart is a part of the load.
type steadyPart struct {
	// sent and found are how many files a second were, memory what the server held at
	// the end, and took how long each list took.
	sent, found, memory float64
	took                []time.Duration
}

// printParts prints parts of which the same is asked, and the last against the first.
func printParts(phase string, parts []steadyPart) {
	for i, p := range parts {
		linef(fmt.Sprintf("%s, part %d of %d", phase, i+1, len(parts)), "%8.1f files a second sent, %.1f found, %.0f MiB, 99 of 100 lists within %.1f ms",
			p.sent, p.found, p.memory, milliseconds(within(p.took, 99)))
	}
	if len(parts) > 1 {
		a, z := parts[0], parts[len(parts)-1]
		linef(phase+", the last against the first", "%8.2f sent, %.2f found, %.2f memory, %.2f waiting", ratio(z.sent, a.sent), ratio(z.found, a.found),
			ratio(z.memory, a.memory), ratio(within(z.took, 99).Seconds(), within(a.took, 99).Seconds()))
	}
}

// phases are the time in which files were sent, while others were made to be found,
// and the time after it. Their rates are not to be compared with each other.
func (w *watch) phases() (sending, after []look) {
	begun, sent := 0, len(w.looks)-1
	for i, l := range w.looks {
		if l.taken == 0 {
			begun = i
		}
		if l.taken >= int64(w.files) {
			sent = i
			break
		}
	}
	return w.looks[begun : sent+1], w.looks[sent:]
}

// cut divides looks into parts in which so much more has come of something.
func cut(looks []look, size int64, of func(look) int64) []steadyPart {
	size = max(1, size)
	var parts []steadyPart
	var now steadyPart
	from := looks[0]
	for i, l := range looks[1:] {
		now.took = append(now.took, l.took)
		if of(l) < of(from)+size && i+2 < len(looks) {
			continue
		}
		seconds := (l.at - from.at).Seconds()
		now.sent, now.found, now.memory = ratio(float64(l.taken-from.taken), seconds), ratio(float64(l.visible-from.visible), seconds), l.memory
		if of(l) >= of(from)+size/2 { // not what is left over of the division
			parts = append(parts, now)
		}
		now, from = steadyPart{}, l
	}
	return parts
}

func tookOf(looks []look) []time.Duration {
	took := make([]time.Duration, len(looks))
	for i, l := range looks {
		took[i] = l.took
	}
	return took
}

func firstLastMost(all []float64) (first, last, most float64) {
	for i, one := range all {
		if i == 0 {
			first = one
		}
		last, most = one, max(most, one)
	}
	return first, last, most
}
