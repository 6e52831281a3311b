package operations

// Stopping is closed when the worker was asked to stop.
func (w *Worker) Stopping() <-chan struct{} { return w.stopping }
