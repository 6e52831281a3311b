package web_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

func TestIfMatch_ReadsWhatETagHasWritten(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_000, time.FixedZone("elsewhere", 3600))
	tag := web.ETag(at)
	require.Equal(t, `"2026-01-02T02:04:05.000678Z"`, tag)
	for _, header := range []string{tag, " " + tag + " ", `"x", ` + tag, `W/"y" ,` + tag} {
		times := web.IfMatch(header)
		require.Len(t, times, 1, header)
		require.True(t, at.Equal(times[0]), header)
	}
	for _, header := range []string{"", " ", "*", " * "} {
		require.Nil(t, web.IfMatch(header), header)
	}
	for _, header := range []string{"W/" + tag, `"`, `""`, ",", "2026-01-02T02:04:05.000678Z", `"*"`, tag[:len(tag)-1]} {
		require.Equal(t, []time.Time{}, web.IfMatch(header), header)
	}
}
