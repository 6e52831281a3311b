package web_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/auth"
	"semantik/platform/web"
)

// The first request with a token that was good until a moment ago counts as those do
// that follow it, and its answer says so.
func TestLimits_ATokenThatIsGoodNoLongerCountsForItsAddress(t *testing.T) {
	t.Parallel()
	who := &revocable{}
	server := web.New(limited(2), web.Deps{Logger: slog.New(slog.DiscardHandler), Authenticator: who})
	limitedRoutes(server.API())
	ask := func() answer {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/me", nil)
		r.RemoteAddr = "192.0.2.1:4711"
		r.Header.Set("Authorization", "Bearer alice")
		recorder := httptest.NewRecorder()
		server.ServeHTTP(recorder, r)
		return answer{status: recorder.Code, header: recorder.Header()}
	}
	require.Equal(t, 200, ask().status)
	who.revoked.Store(true)
	for _, left := range []int{1, 0} {
		refused := ask()
		require.Equal(t, 401, refused.status)
		requireLimit(t, refused, 2, left)
	}
	require.Equal(t, 429, ask().status)
}

// revocable refuses everybody once that is said.
type revocable struct {
	people
	revoked atomic.Bool
}

func (p *revocable) Authenticate(ctx context.Context, token string) (auth.Identity, error) {
	if p.revoked.Load() {
		return auth.Identity{}, auth.ErrTokenInvalid
	}
	return p.people.Authenticate(ctx, token)
}
