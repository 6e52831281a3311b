package ratelimit

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"semantik/platform/apperr"
)

// ErrGateFull means that too many are at it at once.
var ErrGateFull = apperr.New(apperr.Unavailable, "too_many_at_once",
	"Too many requests of this kind are being worked on at once. Send fewer in parallel, or try again shortly.")

// gateRetry is what somebody is told to wait who found the gate full.
const gateRetry = 2 * time.Second

// Gate lets so many in at once, and not all of them by one person. Who finds no
// place waits a while for one, in the order of coming.
type Gate struct {
	all      *semaphore.Weighted
	each     int64
	waiting  chan struct{}
	patience time.Duration

	mu     sync.Mutex
	people map[string]*person
}

type person struct {
	places *semaphore.Weighted
	users  int
}

// GateConfig says how wide a gate is.
type GateConfig struct {
	// Places is how many may be in, Each how many of them one person may have.
	Places, Each int
	// Waiting is how many may wait for a place, and Patience how long.
	Waiting  int
	Patience time.Duration
}

// NewGate makes a gate.
func NewGate(c GateConfig) *Gate {
	return &Gate{
		all: semaphore.NewWeighted(int64(max(1, c.Places))), each: int64(max(1, c.Each)),
		waiting: make(chan struct{}, max(1, c.Waiting)), patience: c.Patience,
		people: map[string]*person{},
	}
}

// Enter waits for a place; leave gives it back and is called once. The error is
// [ErrGateFull], or that of the context.
func (g *Gate) Enter(ctx context.Context, who string) (leave func(), err error) {
	p := g.arrive(who)
	if !g.tryPlace(p) {
		if err := g.waitForPlace(ctx, p); err != nil {
			g.depart(who)
			return nil, err
		}
	}
	return func() {
		g.all.Release(1)
		p.places.Release(1)
		g.depart(who)
	}, nil
}

func (g *Gate) tryPlace(p *person) bool {
	if !p.places.TryAcquire(1) {
		return false
	}
	if !g.all.TryAcquire(1) {
		p.places.Release(1)
		return false
	}
	return true
}

func (g *Gate) waitForPlace(ctx context.Context, p *person) error {
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return ErrGateFull.WithRetryAfter(gateRetry)
	}
	bounded, cancel := context.WithTimeout(ctx, g.patience)
	defer cancel()
	err := p.places.Acquire(bounded, 1)
	if err == nil {
		if err = g.all.Acquire(bounded, 1); err != nil {
			p.places.Release(1)
		}
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("waiting for a place: %w", ctx.Err())
	default:
		return ErrGateFull.WithRetryAfter(gateRetry)
	}
}

// arrive and depart keep the people who are here, and no others.
func (g *Gate) arrive(who string) *person {
	g.mu.Lock()
	defer g.mu.Unlock()
	p := g.people[who]
	if p == nil {
		p = &person{places: semaphore.NewWeighted(g.each)}
		g.people[who] = p
	}
	p.users++
	return p
}

func (g *Gate) depart(who string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if p := g.people[who]; p != nil {
		if p.users--; p.users == 0 {
			delete(g.people, who)
		}
	}
}
