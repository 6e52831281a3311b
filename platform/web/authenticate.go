package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humaecho"

	"semantik/platform/auth"
)

const bearerScheme = "bearer"

// Bearer is the Security of an operation that needs an identity.
func Bearer() []map[string][]string {
	return []map[string][]string{{bearerScheme: {}}}
}

// OptionalBearer is the Security of an operation that serves anyone, and more to
// those who say who they are. A token that is sent must be good: whoever believes
// to be signed in is not served as a stranger without a word.
func OptionalBearer() []map[string][]string {
	return []map[string][]string{{}, {bearerScheme: {}}}
}

// authenticate puts the identity into the context as the operation's Security
// demands. An operation without Security is public and looks at no token, so
// that an expired one does not keep its owner from signing in.
//
// Whoever has no token, or one that is not known to be good, counts as somebody
// from that address until it turns out who it is, so that a flood of bad tokens is
// refused before anybody looks them up.
func (s *Server) authenticate(ctx huma.Context) (huma.Context, error) {
	rule, header := limitOf(ctx.Operation()), humaecho.Unwrap(ctx).Response().Header()
	secured, optional, internal, collector := false, false, false, false
	for _, requirement := range ctx.Operation().Security {
		_, bearer := requirement[bearerScheme]
		_, monitor := requirement[internalScheme]
		secured = secured || bearer
		internal = internal || monitor
		_, metrics := requirement[metricsScheme]
		collector = collector || metrics
		optional = optional || len(requirement) == 0
	}
	if !secured {
		return ctx, s.limits.stranger(ctx.Context(), rule, header)
	}
	token, present := bearerToken(humaecho.Unwrap(ctx).Request().Header)
	if internal && s.showsInternalKey(humaecho.Unwrap(ctx).Request().Header) {
		ctx = huma.WithContext(ctx, auth.WithInternal(ctx.Context()))
		if !present {
			return ctx, nil
		}
	}
	if collector && present && s.isMetricsToken(token) {
		return huma.WithContext(ctx, context.WithValue(ctx.Context(), collectorKey{}, true)), nil
	}
	familiar := present && s.limits.familiar.Has(token)
	if !familiar {
		if err := s.limits.stranger(ctx.Context(), rule, header); err != nil {
			return nil, err
		}
	}
	switch {
	case !present && optional:
		return ctx, nil
	case !present:
		return nil, auth.ErrUnauthenticated
	case token == "" || len(token) > auth.MaxTokenBytes || s.deps.Authenticator == nil:
		return nil, auth.ErrTokenInvalid
	}
	identity, err := s.deps.Authenticator.Authenticate(ctx.Context(), token)
	if err != nil {
		s.limits.familiar.Remove(token)
		if familiar { // it was let by without being counted
			if limited := s.limits.stranger(ctx.Context(), rule, header); limited != nil {
				return nil, limited
			}
		}
		return nil, err
	}
	s.limits.known(ctx.Context(), rule, token, !familiar, header)
	requestOf(ctx.Context()).userID = identity.UserID
	return huma.WithContext(ctx, auth.WithIdentity(ctx.Context(), identity)), nil
}

// bearerToken reads the Authorization header. present is true whenever there is
// one; the token is "" when it is not of the form "Bearer <token>", or when there
// are several headers, of which a proxy may have seen another.
func bearerToken(h http.Header) (token string, present bool) {
	values := h.Values("Authorization")
	if len(values) == 0 {
		return "", false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	token = strings.TrimSpace(token)
	if len(values) > 1 || !strings.EqualFold(scheme, "Bearer") || strings.ContainsAny(token, " \t") {
		return "", true
	}
	return token, true
}
