package ratelimit

import (
	"context"
	"fmt"
	"math"
	"time"

	"golang.org/x/time/rate"

	"semantik/platform/apperr"
)

// Rate is so many in so long.
type Rate struct {
	Count int
	Per   time.Duration
}

// String is for people: "120 per minute".
func (r Rate) String() string {
	switch r.Per {
	case time.Second:
		return fmt.Sprintf("%d per second", r.Count)
	case time.Minute:
		return fmt.Sprintf("%d per minute", r.Count)
	case time.Hour:
		return fmt.Sprintf("%d per hour", r.Count)
	case 24 * time.Hour:
		return fmt.Sprintf("%d per day", r.Count)
	default:
		return fmt.Sprintf("%d per %s", r.Count, r.Per)
	}
}

// times gives the same rate for so many as one.
func (r Rate) times(n int) Rate { return Rate{Count: r.Count * n, Per: r.Per} }

// Key is what is counted: in a class, which is a word of the program's, an id,
// which may come from anybody and may be of any length.
type Key struct {
	Class string
	ID    string
}

// Result is how a bucket stands.
type Result struct {
	// Allowed says that one was taken.
	Allowed bool
	// Rate is the bucket's, Remaining how many are left of Rate.Count.
	Rate      Rate
	Remaining int
	// Reset is when the bucket is full again if nobody takes any more.
	Reset time.Time
	// RetryAfter is how long it takes until there is one; zero if there is.
	RetryAfter time.Duration
}

// Limiter counts. It is safe for concurrent use.
type Limiter interface {
	// Take takes one of the key's, if there is one. An error means that it cannot
	// tell; the in-memory one always can.
	Take(ctx context.Context, key Key, r Rate) (Result, error)
	// Give gives back one that was taken and turned out not to count.
	Give(ctx context.Context, key Key, r Rate) error
}

// ErrExceeded means that somebody has asked too often.
var ErrExceeded = apperr.New(apperr.RateLimited, "rate_limit_exceeded",
	"Too many requests of this kind. Wait as long as Retry-After says, and try again.")

// Err is the error for a result that is not allowed; nil for one that is.
func (r Result) Err() error {
	if r.Allowed {
		return nil
	}
	wait := max(1, int64(math.Ceil(r.RetryAfter.Seconds())))
	return ErrExceeded.
		WithMessagef("Too many requests of this kind: there may be %s. Try again in %d seconds.", r.Rate, wait).
		WithRetryAfter(r.RetryAfter).WithDetail("limit", r.Rate.String())
}

// newBucket is a full bucket.
func newBucket(r Rate) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(r.Count)/r.Per.Seconds()), r.Count)
}

// look reads a bucket.
func look(b *rate.Limiter, r Rate, now time.Time) Result {
	tokens := min(b.TokensAt(now), float64(r.Count))
	result := Result{
		Rate: r, Remaining: max(0, int(math.Floor(tokens))),
		Reset: now.Add(span(float64(r.Count)-tokens, r)),
	}
	if tokens < 1 {
		result.RetryAfter = span(1-tokens, r)
	}
	return result
}

// span is how long so many take to come back.
func span(tokens float64, r Rate) time.Duration {
	return time.Duration(math.Ceil(max(0, tokens) / float64(r.Count) * float64(r.Per)))
}
