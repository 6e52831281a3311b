package web_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"semantik/platform/web"
)

func TestTime(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"2025-07-15T10:00:00Z":                "2025-07-15T10:00:00.000000Z",
		"2025-07-15T10:00:00.123456789Z":      "2025-07-15T10:00:00.123456Z",
		"2025-07-15T12:00:00.5+02:00":         "2025-07-15T10:00:00.500000Z",
		"0001-01-01T00:00:00Z":                "0001-01-01T00:00:00.000000Z",
		"9999-12-31T23:59:59.999999999+00:00": "9999-12-31T23:59:59.999999Z",
	} {
		var got web.Time
		require.NoError(t, json.Unmarshal([]byte(`"`+given+`"`), &got))
		data, err := json.Marshal(map[string]any{"at": got, "p": &got, "none": web.NewTimePointer(nil)})
		require.NoError(t, err)
		require.JSONEq(t, `{"at":"`+want+`","p":"`+want+`","none":null}`, string(data))
	}
	for _, bad := range []string{`"yesterday"`, `"2025-07-15"`, `"2025-13-15T10:00:00Z"`, `1752573600`, `""`, `"2025-07-15T10:00:00"`, `{}`} {
		var got web.Time
		require.ErrorContains(t, json.Unmarshal([]byte(bad), &got), "must be an instant", bad)
	}
	var null struct{ At *web.Time }
	require.NoError(t, json.Unmarshal([]byte(`{"At":null}`), &null))
	require.Nil(t, null.At)
	local := time.Date(2025, 7, 15, 12, 0, 0, 0, time.FixedZone("", 7200))
	require.Equal(t, "2025-07-15T10:00:00.000000Z", web.NewTimePointer(&local).String())
}

func TestUUID(t *testing.T) {
	t.Parallel()
	id, err := web.ParseUUID("0B9B2D3E-6c1f-4a51-9d0c-1f2e3d4c5b6a")
	require.NoError(t, err)
	data, err := json.Marshal(web.NewUUID(id))
	require.NoError(t, err)
	require.Equal(t, `"0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a"`, string(data))
	for _, bad := range []string{
		"", "42", uuid.Nil.String(), "0b9b2d3e-6c1f-1a51-9d0c-1f2e3d4c5b6a", "0b9b2d3e-6c1f-4a51-cd0c-1f2e3d4c5b6a",
		"0b9b2d3e6c1f4a519d0c1f2e3d4c5b6a", "urn:uuid:0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a", "{0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a}",
		"0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6\u212a", "0b9b2d3e-6c1f-4a51-9d0c-1f2e3d4c5b6a\x00",
	} {
		_, err := web.ParseUUID(bad)
		require.ErrorContains(t, err, "version 4 UUID", "%q", bad)
	}
}

func TestPage_methodsWithoutARequest(t *testing.T) {
	t.Parallel()
	require.Equal(t, 50, web.Page{}.Size())
	require.Zero(t, web.Page{}.Offset())
	require.Equal(t, web.PageInfo{Total: 3, Page: 1, PerPage: 50}, web.Page{}.Info(3))
	require.Equal(t, 999_999_900, web.Page{Page: 10_000_000, PerPage: 100}.Offset())
	require.Equal(t, 20, web.Cursor{}.Size())
}

func TestCursor_roundTrip(t *testing.T) {
	t.Parallel()
	type key struct {
		Index int64 `json:"i"`
		ID    int64 `json:"d"`
	}
	want := key{Index: -1, ID: 1 << 62}
	var got key
	require.NoError(t, web.DecodeCursor(web.EncodeCursor(want), &got))
	require.Equal(t, want, got)
	require.Regexp(t, `^[A-Za-z0-9_-]+$`, web.EncodeCursor(want))
}
