package preview

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"github.com/google/uuid"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/events"
	"semantik/platform/sockets"
	"semantik/platform/web"
)

// The types of the frames about a preview.
const (
	eventProgress  = "scan_progress"
	eventCompleted = "scan_completed"
	eventFailed    = "scan_failed"
)

// tellEvery is the time between two frames of a preview that goes on.
const tellEvery = 250 * time.Millisecond

// topicOf is what is told about a preview: to whoever makes it, and to nobody else who
// knows its name.
func topicOf(userID int64, scanID uuid.UUID) string {
	return "directory scan " + scanID.String() + " of " + strconv.FormatInt(userID, 10)
}

// Teller tells those who watch how far previews are.
type Teller struct {
	db  *database.DB
	log *slog.Logger

	mu   sync.Mutex
	told map[uuid.UUID]time.Time
}

// NewTeller makes a teller. logger may be nil.
func NewTeller(db *database.DB, logger *slog.Logger) *Teller {
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	return &Teller{db: db, log: logger, told: map[uuid.UUID]time.Time{}}
}

// Watch is a [Watcher].
func (t *Teller) Watch(ctx context.Context, scanID uuid.UUID, p Progress) {
	if !p.Ended && !t.due(scanID) {
		return
	}
	kind, data := eventProgress, map[string]any{"files_scanned": p.Files, "total_size": p.Bytes, "files_hashed": p.Hashed}
	switch {
	case p.Err != nil:
		kind, data["error"] = eventFailed, apperr.From(p.Err).Message
	case p.Ended:
		kind, data["total_files"] = eventCompleted, p.Files
	}
	who, err := auth.Require(ctx)
	if err == nil {
		// The end is told although the request may have ended.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		err = events.Publish(ctx, t.db, events.Event{Topics: []string{topicOf(who.UserID, scanID)}, Type: kind, Data: data})
	}
	if p.Ended {
		t.mu.Lock()
		delete(t.told, scanID)
		t.mu.Unlock()
	}
	if err != nil {
		t.log.DebugContext(ctx, "how far a preview is could not be told", "error", err)
	}
}

// due reports whether it is time to tell of the preview again.
func (t *Teller) due(scanID uuid.UUID) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if now.Sub(t.told[scanID]) < tellEvery {
		return false
	}
	t.told[scanID] = now
	return true
}

// errNoScan refuses a handshake: nobody can have made a preview of this name.
var errNoScan = apperr.New(apperr.Forbidden, "no_such_scan", "The address is not that of a preview: it ends in the scan_id, a version 4 UUID.")

// RegisterSockets adds the socket on which a preview is watched. It is opened before the
// preview is asked for, by the name that the caller gives to it.
func RegisterSockets(server *web.Server, hub *sockets.Hub, bus *events.Bus) {
	server.Socket("/ws/directory-scan/:scan_id", func(h *web.Handshake) error {
		return hub.Open(h, func(ctx context.Context) (sockets.Feed, error) {
			who, err := auth.RequireUnconfined(ctx, auth.ScopeWrite)
			if err != nil {
				return nil, err
			}
			id, err := web.ParseUUID(h.Param("scan_id"))
			if err != nil {
				return nil, errNoScan
			}
			return &watch{Subscribed: sockets.Subscribed{Subscription: bus.Subscribe(topicOf(who.UserID, id))}, scanID: id}, nil
		})
	})
}

// watch carries how far one preview is.
type watch struct {
	sockets.Subscribed

	scanID uuid.UUID
}

type scanFrame struct {
	Type   string   `json:"type"`
	ScanID web.UUID `json:"scan_id"`
	Data   any      `json:"data"`
}

// Begin is a feed's.
func (*watch) Begin(context.Context, *sockets.Socket) error { return nil }

// Hear is a feed's.
func (w *watch) Hear(ctx context.Context, s *sockets.Socket, n *events.Notice) error {
	if n.Missed { // the answer to the request has it all
		return nil
	}
	if _, err := s.Who(ctx); err != nil {
		return err
	}
	return s.SendPlain(ctx, scanFrame{Type: n.Type, ScanID: web.NewUUID(w.scanID), Data: n.Data})
}

// Check is a feed's.
func (*watch) Check(ctx context.Context, s *sockets.Socket) error {
	_, err := s.Who(ctx)
	return err
}
