package operations

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// Stopping is closed when the worker was asked to stop.
func (w *Worker) Stopping() <-chan struct{} { return w.stopping }

// Answer does what the worker does when the queue rings for the operation.
func (w *Worker) Answer(ctx context.Context, id uuid.UUID) error { return w.answer(ctx, id) }

// Look does what the worker does every few seconds.
func (w *Worker) Look(ctx context.Context) error { return w.look(ctx) }

// PauseAfter is pauseAfter.
func PauseAfter(attempts int, random float64) time.Duration { return pauseAfter(attempts, random) }

// MaxInterrupted is maxInterrupted.
const MaxInterrupted = maxInterrupted

// ComesAfter compares two paths of a source.
func ComesAfter(path, other string) bool { return comesAfter(path, other) }
