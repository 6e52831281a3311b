package ratelimit

import (
	"context"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"semantik/platform/apperr"
)

const (
	// perCustomer is how many times as much as one address a whole IPv6 network of
	// one customer may.
	perCustomer = 10
	// trustLife is how long an address is known for a name after a good password,
	// and trustMost how many such pairs are known.
	trustLife = 30 * 24 * time.Hour
	trustMost = 100_000
)

// perOrigin is how often one network may err at a name that is being guessed: one
// comes back in an hour.
var perOrigin = Rate{Count: 3, Per: 3 * time.Hour}

// The classes that the guard counts in.
const (
	classCustomer = "signin customer"
	classKnown    = "signin known"
	className     = "signin name"
	classOrigin   = "signin origin"
	classFresh    = "signin fresh"
	classErred    = "signin erred"
)

// Guard slows down the guessing of passwords. Only wrong passwords count.
//
// A name has so many in a minute, wherever they come from. Once they are used up,
// whoever guesses has made it so that nobody could sign in by that name, and so
// there are other doors for those who may be its owner:
//
//   - an address from which the name has signed in lately counts by itself and
//     never with the rest;
//   - a network that has not erred at this name for hours has a door as wide as the
//     first. Whoever guesses uses up a network with each guess; the owner has one
//     that is unused;
//   - a network that has erred once or twice has a third one, for those who mistype.
//
// So a name is guessed at three times the rate at the most, by however many; and to
// keep its owner out at an address that is not known takes six hundred networks for
// every hour.
type Guard struct {
	limiter Limiter
	rate    Rate
	known   *Recent
}

// NewGuard makes a guard that lets so many wrong passwords of a name through.
func NewGuard(limiter Limiter, r Rate, now func() time.Time) *Guard {
	return &Guard{limiter: limiter, rate: r, known: NewRecent(trustMost, trustLife, now)}
}

// Admit lets an attempt to sign in by this name from this address go on, or
// refuses it with [ErrExceeded]. What has been admitted is told how it ended: nil
// for a good password, an apperr of kind Unauthenticated for a wrong one; any
// other error, after which nobody is the wiser, does not count.
func (g *Guard) Admit(ctx context.Context, name, address string) (done func(error), err error) {
	name = fold(name)
	pair := name + "\x00" + ClientID(address)
	taken, err := g.take(ctx, name, pair, address)
	if err != nil {
		return nil, err
	}
	return func(outcome error) {
		if outcome == nil {
			g.known.Add(pair)
		}
		if apperr.KindOf(outcome) != apperr.Unauthenticated {
			g.giveBack(ctx, taken)
		}
	}, nil
}

// charge is one that was taken.
type charge struct {
	key  Key
	rate Rate
}

func (g *Guard) take(ctx context.Context, name, pair, address string) ([]charge, error) {
	if g.known.Has(pair) {
		return g.all(ctx, charge{Key{classKnown, pair}, g.rate})
	}
	customer := customerID(address)
	wide := charge{Key{classCustomer, customer}, g.rate.times(perCustomer)}
	taken, err := g.all(ctx, wide, charge{Key{className, name}, g.rate})
	if err == nil || apperr.KindOf(err) != apperr.RateLimited {
		return taken, err
	}
	second, secondErr := g.secondDoor(ctx, wide, name, customer)
	if apperr.KindOf(secondErr) == apperr.RateLimited {
		return nil, err // the first door opens sooner, to everybody
	}
	return second, secondErr
}

// secondDoor is for a network that has not used up what it may err at the name.
func (g *Guard) secondDoor(ctx context.Context, wide charge, name, customer string) ([]charge, error) {
	origin := charge{Key{classOrigin, name + "\x00" + customer}, perOrigin}
	result, err := g.limiter.Take(ctx, origin.key, origin.rate)
	if err == nil {
		err = result.Err()
	}
	if err != nil {
		return nil, err
	}
	door := charge{Key{classFresh, name}, g.rate}
	if result.Remaining < perOrigin.Count-1 {
		door.key.Class = classErred
	}
	taken, err := g.all(ctx, wide, door)
	if err != nil {
		g.giveBack(ctx, []charge{origin})
		return nil, err
	}
	return append(taken, origin), nil
}

// all takes one of each, or none.
func (g *Guard) all(ctx context.Context, charges ...charge) ([]charge, error) {
	for i, c := range charges {
		result, err := g.limiter.Take(ctx, c.key, c.rate)
		if err == nil {
			err = result.Err()
		}
		if err != nil {
			g.giveBack(ctx, charges[:i])
			return nil, err
		}
	}
	return charges, nil
}

func (g *Guard) giveBack(ctx context.Context, charges []charge) {
	for _, c := range charges {
		// What cannot be given back comes back by itself.
		_ = g.limiter.Give(context.WithoutCancel(ctx), c.key, c.rate)
	}
}

// fold makes all spellings of a name one that a database could take for the same.
// It takes more for the same than any database does, which only lets them share
// their attempts.
func fold(name string) string {
	return strings.Map(func(r rune) rune { return unicode.ToLower(unicode.ToUpper(r)) }, norm.NFC.String(name))
}
