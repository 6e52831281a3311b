package metrics_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/metrics"
)

func text(t *testing.T, r *metrics.Registry) string {
	t.Helper()
	text, err := r.Text()
	require.NoError(t, err)
	return text
}

func TestFigures_AreReadOnceHoweverManyAskAndKeptForAWhile(t *testing.T) {
	t.Parallel()
	r := metrics.New("test")
	var mu sync.Mutex
	read := 0
	f := metrics.NewFigures(r, "up", "Whether.", func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }, nil)
	size := f.Gauge("size", "How large.", "of")
	f.From(func(_ context.Context, emit metrics.Emit) error {
		mu.Lock()
		defer mu.Unlock()
		read++
		emit(size, 7, "it")
		return nil
	})
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			text, err := r.Text()
			if err != nil || !strings.Contains(text, `size{of="it"} 7`) || !strings.Contains(text, "\nup 1\n") {
				t.Errorf("%v: %s", err, text)
			}
		})
	}
	group.Wait()
	require.Equal(t, 1, read)
}

func TestFigures_ADatabaseThatIsDownIsAFigureAndNoError(t *testing.T) {
	t.Parallel()
	r := metrics.New("test")
	f := metrics.NewFigures(r, "up", "Whether.", func(context.Context, func(context.Context) error) error { return errors.New("down") }, nil)
	f.Gauge("size", "How large.")
	out := text(t, r)
	require.Contains(t, out, "\nup 0\n")
	require.NotContains(t, out, "\nsize ")
}

func TestFigures_AreBoundedInTimeAndAScrapeDoesNotHang(t *testing.T) {
	t.Parallel()
	r := metrics.New("test")
	var left time.Duration
	f := metrics.NewFigures(r, "up", "Whether.", func(ctx context.Context, fn func(context.Context) error) error { return fn(ctx) }, nil)
	size := f.Gauge("size", "How large.")
	f.From(func(ctx context.Context, emit metrics.Emit) error {
		emit(size, 1)
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return context.DeadlineExceeded // as a statement that is broken off says
	})
	out := text(t, r)
	require.Contains(t, out, "\nup 0\n")
	require.NotContains(t, out, "\nsize ", "half of the figures are none")
	require.LessOrEqual(t, left, 3*time.Second)
	require.Positive(t, left)
}

func TestRegistry_DescribesWhatItHasAndSaysWhichBuildItIs(t *testing.T) {
	t.Parallel()
	r := metrics.New("1.2.3")
	r.Counter("b_total", "Counted | so.", "kind").WithLabelValues("x").Inc()
	require.Contains(t, r.Markdown(), "| `b_total` | counter | `kind` | Counted \\| so. |\n")
	out := text(t, r)
	require.Contains(t, out, `version="1.2.3"`)
	require.Contains(t, out, "\ngo_goroutines ")
	require.Contains(t, out, "\nprocess_")
	require.Panics(t, func() { r.Counter("b_total", "Twice.") })
}
