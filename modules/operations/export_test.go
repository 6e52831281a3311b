package operations

import (
	"context"

	"github.com/google/uuid"
)

// Stopping is closed when the worker was asked to stop.
func (w *Worker) Stopping() <-chan struct{} { return w.stopping }

// Answer does what the worker does when the queue rings for the operation.
func (w *Worker) Answer(ctx context.Context, id uuid.UUID) error { return w.answer(ctx, id) }
