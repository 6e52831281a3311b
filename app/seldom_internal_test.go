package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSaySeldom_SaysTheSameOnceAMinuteWithHowOftenItWas(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	now := time.Unix(0, 0)
	log := slog.New(seldom{Handler: slog.NewTextHandler(&out, nil), said: &saidLines{lines: map[string]*saidLine{}}, now: func() time.Time { return now }})
	for range 61 {
		log.Error("cannot fetch jobs", "queue", "default")
		log.With("queue", "other").Error("cannot fetch jobs")
		now = now.Add(time.Second)
	}
	require.Equal(t, 4, strings.Count(out.String(), "cannot fetch jobs"), out.String())
	require.Equal(t, 2, strings.Count(out.String(), "kept_back=59"), out.String())
	require.Nil(t, saySeldom(nil))
}
