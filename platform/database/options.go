package database

import (
	"fmt"

	"github.com/jackc/pgx/v5"
)

// Option asks something of a unit of work. One that joins another may only ask
// for what the outer one already is: asking for more is [ErrMisuse], because an
// option dropped in silence would be a promise broken in silence.
type Option func(*options)

type options struct {
	isolation pgx.TxIsoLevel
	readOnly  bool
	noRetry   bool
}

// Isolation asks for an isolation level above PostgreSQL's READ COMMITTED.
func Isolation(level pgx.TxIsoLevel) Option {
	return func(o *options) { o.isolation = level }
}

// ReadOnly asks for a transaction in which PostgreSQL refuses to write.
func ReadOnly() Option {
	return func(o *options) { o.readOnly = true }
}

// NoRetry asks that the function never runs a second time: for a bulk load,
// whose input is a stream that cannot be read again.
func NoRetry() Option {
	return func(o *options) { o.noRetry = true }
}

func collect(opts []Option) options {
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	return o
}

func (o options) tx() pgx.TxOptions {
	t := pgx.TxOptions{IsoLevel: o.isolation}
	if o.readOnly {
		t.AccessMode = pgx.ReadOnly
	}
	return t
}

// allows reports whether a unit of work with these options may be joined by one
// that asks for inner.
func (o options) allows(inner options) error {
	switch {
	case inner.isolation != "" && inner.isolation != o.isolation:
		return fmt.Errorf("%w: isolation %q asked for inside one of %q", ErrMisuse, inner.isolation, o.isolation)
	case inner.readOnly && !o.readOnly:
		return fmt.Errorf("%w: a read-only one asked for inside one that writes", ErrMisuse)
	case inner.noRetry && !o.noRetry:
		return fmt.Errorf("%w: one that must not run twice asked for inside one that may", ErrMisuse)
	default:
		return nil
	}
}
