package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Whatever stands in the header, a token is one word after the scheme, and a request
// with two headers has none: what a proxy has checked may have been the other.
func FuzzBearerToken(f *testing.F) {
	for _, seed := range []string{
		"", "Bearer", "Bearer ", "Bearer x", "bearer   x  ", "BEARER\tx", "Bearer x y", "Bearer\u00a0x", "Basic eDp5", "Bearer x,Bearer y",
	} {
		f.Add(seed, "")
		f.Add(seed, "Bearer other")
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		header := http.Header{"Authorization": {first}}
		if second != "" {
			header["Authorization"] = append(header["Authorization"], second)
		}
		token, present := bearerToken(header)
		require.True(t, present)
		if second != "" {
			require.Empty(t, token)
		}
		if token == "" {
			return
		}
		require.False(t, strings.ContainsAny(token, " \t"))
		require.True(t, strings.HasSuffix(strings.TrimSpace(first), token))
		require.True(t, strings.EqualFold(first[:7], "Bearer "))
	})
}
