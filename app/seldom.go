package app

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"time"
)

const (
	// seldomPause is between two lines of a log that say the very same.
	seldomPause = time.Minute
	// seldomMost bounds how many different lines are remembered.
	seldomMost = 200
)

// seldom lets a line through that was not there within the last minute, and says how often
// it was kept back meanwhile: for libraries that complain each second for as long as
// something is away.
type seldom struct {
	slog.Handler

	scope string
	said  *saidLines
	now   func() time.Time
}

// saidLines is shared by a handler and those made of it.
type saidLines struct {
	mu    sync.Mutex
	lines map[string]*saidLine
}

type saidLine struct {
	last time.Time
	kept int
}

// saySeldom gives a log that says nothing twice within a minute.
func saySeldom(log *slog.Logger) *slog.Logger {
	if log == nil {
		return nil
	}
	return slog.New(seldom{Handler: log.Handler(), said: &saidLines{lines: map[string]*saidLine{}}, now: time.Now})
}

func (h seldom) Handle(ctx context.Context, r slog.Record) error {
	var key strings.Builder
	key.WriteString(h.scope + r.Level.String() + r.Message)
	r.Attrs(func(a slog.Attr) bool {
		key.WriteString("\n" + a.String())
		return true
	})
	kept, say := h.said.mayBeSaid(key.String(), h.now())
	if !say {
		return nil
	}
	if kept > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Int("kept_back", kept))
	}
	return h.Handler.Handle(ctx, r)
}

func (s *saidLines) mayBeSaid(key string, now time.Time) (kept int, say bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line, known := s.lines[key]
	if known && now.Sub(line.last) < seldomPause {
		line.kept++
		return 0, false
	}
	if !known {
		if len(s.lines) >= seldomMost {
			clear(s.lines)
		}
		line = &saidLine{}
		s.lines[key] = line
	}
	kept = line.kept
	line.last, line.kept = now, 0
	return kept, true
}

func (h seldom) WithAttrs(attrs []slog.Attr) slog.Handler {
	for _, a := range attrs {
		h.scope += a.String() + "\n"
	}
	h.Handler = h.Handler.WithAttrs(attrs)
	return h
}

func (h seldom) WithGroup(name string) slog.Handler {
	h.scope += name + "\n"
	h.Handler = h.Handler.WithGroup(name)
	return h
}
