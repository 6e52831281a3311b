package users

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
)

const (
	// keyUseDelay is how long a use waits for others, to be written with them.
	keyUseDelay = 5 * time.Second
	// maxKeyUses bounds what waits. A use beyond it is forgotten; the key's next
	// one is noted again, since the row still says so.
	maxKeyUses = 10_000
	// keyUseTimeout bounds one statement.
	keyUseTimeout = 5 * time.Second
)

// KeyUses writes down when API keys were last used, behind the requests' backs: a
// request leaves a note in memory, and a goroutine of its own writes what has come
// together, in one statement. A note that is lost with the process costs nothing
// but the time that is shown.
type KeyUses struct {
	repository *Repository
	log        *slog.Logger

	mu    sync.Mutex
	notes map[uuid.UUID]time.Time

	// noted holds one word when there is something to write.
	noted chan struct{}
	// flush asks for what has come together to be written at once; the answer is
	// the statement's error.
	flush chan chan error

	// stop is closed to end the goroutine, and stopped when it has ended; both are
	// nil before the start.
	stop, stopped chan struct{}
	stopping      sync.Once
}

// NewKeyUses makes it. It begins with [KeyUses.Start].
func NewKeyUses(repository *Repository, log *slog.Logger) *KeyUses {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &KeyUses{
		repository: repository, log: log, notes: map[uuid.UUID]time.Time{},
		noted: make(chan struct{}, 1), flush: make(chan chan error),
	}
}

// Start begins to write.
func (u *KeyUses) Start(ctx context.Context) {
	u.stop, u.stopped = make(chan struct{}), make(chan struct{})
	go u.run(context.WithoutCancel(ctx))
}

// Stop writes what has come together and ends. It returns when that is done, or
// with ctx.
func (u *KeyUses) Stop(ctx context.Context) {
	if u.stop == nil {
		return // it was not started
	}
	u.stopping.Do(func() { close(u.stop) })
	select {
	case <-u.stopped:
	case <-ctx.Done(): // the database does not answer; its statement has a time-out
	}
}

// Flush writes what has come together now, and tells when it is written.
func (u *KeyUses) Flush(ctx context.Context) error {
	answer := make(chan error, 1)
	select {
	case u.flush <- answer:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// note leaves a note; it never waits for the database.
func (u *KeyUses) note(id uuid.UUID, at time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if _, waits := u.notes[id]; !waits && len(u.notes) >= maxKeyUses {
		return
	}
	u.notes[id] = at
	select {
	case u.noted <- struct{}{}:
	default: // it is known already
	}
}

// run is the goroutine that writes. Nothing wakes it while no key is used.
func (u *KeyUses) run(ctx context.Context) {
	defer close(u.stopped)
	var due <-chan time.Time // nil while nothing waits
	for {
		select {
		case <-u.noted:
			if due == nil {
				due = time.After(keyUseDelay)
			}
		case <-due:
			due = nil
			_ = u.write(ctx)
		case answer := <-u.flush:
			answer <- u.write(ctx)
		case <-u.stop:
			_ = u.write(ctx)
			return
		}
	}
}

// write writes the notes. When that fails, they wait for the next time, unless
// newer ones have come.
func (u *KeyUses) write(ctx context.Context) error {
	u.mu.Lock()
	notes := u.notes
	u.notes = map[uuid.UUID]time.Time{}
	u.mu.Unlock()
	if len(notes) == 0 {
		return nil
	}
	bounded, cancel := context.WithTimeout(ctx, keyUseTimeout)
	defer cancel()
	err := u.repository.NoteKeyUses(bounded, notes)
	if err == nil {
		return nil
	}
	u.log.WarnContext(ctx, "the last use of API keys could not be written; it will be tried again", "keys", len(notes), "error", err)
	for id, at := range notes {
		u.mu.Lock()
		_, newer := u.notes[id]
		u.mu.Unlock()
		if !newer {
			u.note(id, at)
		}
	}
	return err
}
