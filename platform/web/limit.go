package web

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/labstack/echo/v4"

	"semantik/platform/auth"
	"semantik/platform/ratelimit"
)

const (
	headerLimit     = "X-Ratelimit-Limit"
	headerRemaining = "X-Ratelimit-Remaining"
	headerReset     = "X-Ratelimit-Reset"
)

const (
	// classGeneral is what every operation counts as that says nothing else.
	classGeneral = "general"
	// classOther is what counts that is no operation of the API. It is as large as the
	// general one and apart from it: addresses that are not there must not keep those
	// who share the asker's from signing in.
	classOther = "other"
	// familiarTokens is how many tokens are known to have been good, and
	// familiarLife for how long: not much longer than an access token lives.
	familiarTokens = 20_000
	familiarLife   = time.Hour
)

// Limits say how often something may be asked for.
type Limits struct {
	// General is for all that a user does, or, without one, all that comes from an
	// address. Zero is no limit, and then none of the others is one.
	General ratelimit.Rate
	// Classes are further limits, by the name that routes give to [Limit].
	Classes map[string]ratelimit.Rate
	// Gates bound how many requests of the routes that say [Bulk] are worked on at
	// once, by the name that those give. They hold without the other limits too; one
	// that is absent or has no places is no bound.
	Gates map[string]ratelimit.GateConfig
}

// limitKey is where a route's declaration stands in the operation's metadata.
const limitKey = "semantik.limit"

type limitRule struct {
	class     string // besides the general limit; "" for none
	uncounted bool
	gate      string // bounds how many go on at once; "" for none
}

// Limit is the Metadata of an operation that counts against a limit of its own,
// besides the general one. The classes are those of Limits.Classes; an unknown one
// panics when the server starts.
func Limit(class string) map[string]any { return map[string]any{limitKey: limitRule{class: class}} }

// Unlimited is the Metadata of an operation that nobody counts, for probes.
func Unlimited() map[string]any { return map[string]any{limitKey: limitRule{uncounted: true}} }

// Bulk is the Metadata of an operation that brings much data: how many of them go
// on at once is bounded, by the gate of that name in Limits.Gates, and not how often
// they come.
func Bulk(gate string) map[string]any {
	return map[string]any{limitKey: limitRule{uncounted: true, gate: gate}}
}

// exempt routes do not count strangers either.
func (r limitRule) exempt() bool { return r.uncounted && r.gate == "" }

func limitOf(op *huma.Operation) limitRule {
	rule, _ := op.Metadata[limitKey].(limitRule)
	return rule
}

// limits counts requests.
type limits struct {
	Limits

	limiter ratelimit.Limiter
	// familiar are tokens that were good: who has one is not held up by what
	// strangers do who come from the same address.
	familiar *ratelimit.Recent
	gates    map[string]*ratelimit.Gate
}

func newLimits(config Limits, limiter ratelimit.Limiter) *limits {
	l := &limits{Limits: config, limiter: limiter, familiar: ratelimit.NewRecent(familiarTokens, familiarLife, time.Now),
		gates: map[string]*ratelimit.Gate{}}
	if l.limiter == nil {
		l.limiter = ratelimit.NewMemory(ratelimit.DefaultKeys, time.Now)
	}
	for name, gate := range config.Gates {
		if gate.Places > 0 {
			l.gates[name] = ratelimit.NewGate(gate)
		}
	}
	return l
}

// check panics when a route names a limit that there is not.
func (l *limits) check(api *huma.OpenAPI) {
	for _, op := range operations(api) {
		if class := limitOf(op).class; class != "" && l.on() && l.Classes[class].Count == 0 {
			panic("web: the operation " + op.OperationID + " counts against the limit " + strconv.Quote(class) + ", which is not configured")
		}
	}
}

func (l *limits) on() bool { return l.General.Count > 0 }

// stranger counts a request against the address that it comes from, before
// anything is asked about its token.
func (l *limits) stranger(ctx context.Context, rule limitRule, h http.Header) error {
	if !l.on() || rule.exempt() {
		return nil
	}
	return l.take(ctx, classGeneral, addressKey(ctx), l.General, h)
}

// other counts a request for what is no operation of the API against the address
// that it comes from, whoever asks.
func (l *limits) other(ctx context.Context, h http.Header) error {
	if !l.on() {
		return nil
	}
	return l.take(ctx, classOther, addressKey(ctx), l.General, h)
}

// counted is for routes that are no operations of the API.
func (s *Server) counted(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := s.limits.other(c.Request().Context(), c.Response().Header()); err != nil {
			return err
		}
		return next(c)
	}
}

// known takes back what the stranger was charged with, who turned out to have a
// good token.
func (l *limits) known(ctx context.Context, rule limitRule, token string, charged bool, h http.Header) {
	l.familiar.Add(token)
	if !charged || !l.on() || rule.exempt() {
		return
	}
	_ = l.limiter.Give(ctx, ratelimit.Key{Class: classGeneral, ID: addressKey(ctx)}, l.General) // comes back by itself
	for _, name := range []string{headerLimit, headerRemaining, headerReset} {
		h.Del(name)
	}
}

// caller counts a request against the limits of its route.
func (l *limits) caller(ctx context.Context, rule limitRule, h http.Header) error {
	if !l.on() || rule.uncounted {
		return nil
	}
	who, signedIn := callerKey(ctx)
	if signedIn {
		if err := l.take(ctx, classGeneral, who, l.General, h); err != nil {
			return err
		}
	}
	if rule.class == "" {
		return nil
	}
	return l.take(ctx, rule.class, who, l.Classes[rule.class], h)
}

// take counts one, and says in the answer's headers how it stands. The limit that
// was looked at last is the narrowest.
func (l *limits) take(ctx context.Context, class, id string, rate ratelimit.Rate, h http.Header) error {
	result, err := l.limiter.Take(ctx, ratelimit.Key{Class: class, ID: id}, rate)
	if err != nil {
		return err
	}
	h.Set(headerLimit, strconv.Itoa(result.Rate.Count))
	h.Set(headerRemaining, strconv.Itoa(result.Remaining))
	// A whole second, and never before it is true.
	h.Set(headerReset, strconv.FormatInt(result.Reset.Add(time.Second-1).Unix(), 10))
	return result.Err()
}

// CountAgainst counts one more request against a limit by something that only its
// body tells, such as a name that is asked for. The error is an apperr of kind
// RateLimited.
func CountAgainst(ctx context.Context, class, id string) error {
	server := requestOf(ctx).server
	if server == nil || !server.limits.on() {
		return nil
	}
	result, err := server.limits.limiter.Take(ctx, ratelimit.Key{Class: class + " by name", ID: id}, server.limits.Classes[class])
	if err != nil {
		return err
	}
	return result.Err()
}

// enter waits for a place where the route needs one.
func (l *limits) enter(ctx context.Context, rule limitRule) (leave func(), err error) {
	gate := l.gates[rule.gate]
	if gate == nil {
		return func() {}, nil
	}
	who, _ := callerKey(ctx)
	return gate.Enter(ctx, who)
}

// callerKey is whom a request counts for: a user, else those who have the internal
// key, all together, else an address.
func callerKey(ctx context.Context) (key string, signedIn bool) {
	if id, ok := auth.FromContext(ctx); ok {
		return "user " + strconv.FormatInt(id.UserID, 10), true
	}
	if auth.IsInternal(ctx) {
		return "internal", true
	}
	return addressKey(ctx), false
}

func addressKey(ctx context.Context) string {
	return "address " + ratelimit.ClientID(requestOf(ctx).client.Addr)
}
