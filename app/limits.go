package app

import (
	"time"

	"semantik/modules/users"
	"semantik/platform/config"
	"semantik/platform/ratelimit"
	"semantik/platform/web"
)

// bulkPatience is how long an upload, or a load, waits for its turn before it is told to come
// back.
const bulkPatience = 10 * time.Second

// limitsOf are the limits as the server takes them, by the names that routes use.
func limitsOf(c config.RateLimits, maxConns int) web.Limits {
	limits := web.Limits{
		Classes: map[string]ratelimit.Rate{
			"search":            ratelimit.Rate(c.Search),
			"login":             ratelimit.Rate(c.Login),
			"register":          ratelimit.Rate(c.Register),
			"refresh":           ratelimit.Rate(c.Refresh),
			"create_collection": ratelimit.Rate(c.Collections),
			"delete_collection": ratelimit.Rate(c.Collections),
			"api_keys":          ratelimit.Rate(c.APIKeys),
		},
		Gates: map[string]ratelimit.GateConfig{
			"upload": gateOf(c.Uploads),
			// A load holds a connection for as long as its client sends; three quarters
			// of them are left to everybody else.
			"load": gateOf(max(1, maxConns/4)),
		},
	}
	if !c.Disabled {
		limits.General = ratelimit.Rate(c.General)
	}
	return limits
}

// gateOf is a gate of which one user has at most half of the places.
func gateOf(places int) ratelimit.GateConfig {
	return ratelimit.GateConfig{Places: places, Each: (places + 1) / 2, Waiting: 4 * places, Patience: bulkPatience}
}

// loginGuard slows down who guesses passwords; nil for nobody.
func loginGuard(c config.RateLimits, limiter ratelimit.Limiter) users.LoginGuard {
	if c.Disabled {
		return nil
	}
	return ratelimit.NewGuard(limiter, ratelimit.Rate(c.Login), time.Now)
}
