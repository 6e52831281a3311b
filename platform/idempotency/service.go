package idempotency

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"semantik/platform/auth"
	"semantik/platform/database"
)

const (
	// DefaultLease is how long a key is held by whoever does not say again that they
	// hold it, and so how long a request waits whose first one was killed.
	DefaultLease = time.Minute
	// DefaultSlice is how many rows are forgotten in one transaction: each may have an
	// answer of [MaxAnswer] bytes.
	DefaultSlice = 200
	// endTimeout bounds what is to be written although the client is gone, or waits.
	endTimeout = 10 * time.Second
)

// Config is what a [Keeper] may be told; each has a default.
type Config struct {
	// Lease is how long a key is held without being renewed.
	Lease time.Duration
	// Slice is how many rows are forgotten at once.
	Slice  int
	Logger *slog.Logger
}

// Keeper has the rules on keys.
type Keeper struct {
	db         *database.DB
	repository repository
	config     Config
}

// New makes a keeper on the database.
func New(db *database.DB, config Config) *Keeper {
	config.Lease = cmp.Or(config.Lease, DefaultLease)
	config.Slice = cmp.Or(config.Slice, DefaultSlice)
	config.Logger = cmp.Or(config.Logger, slog.Default())
	return &Keeper{db: db, repository: repository{db}, config: config}
}

// Work carries a request out and gives its answer, which tells of success. It is not
// called for a request whose answer was kept.
type Work func(ctx context.Context) (Answer, error)

// May is the permission of a request, asked for before anything else, and again before
// somebody gets an answer that was kept.
type May func(ctx context.Context) error

// Once carries a request out in one unit of work, with which its answer commits; opts
// are those of the unit. A request without a key is carried out as it is. Besides the
// errors of may and of work it returns [ErrKeyInvalid], [ErrKeyReused],
// [ErrInProgress] and [ErrAnswerNotKept].
//
// The key is written last, not first: its row refers to the user, whom nobody could
// delete meanwhile.
func (k *Keeper) Once(ctx context.Context, r Request, may May, work Work, opts ...database.Option) (Answer, error) {
	if !r.Given {
		return work(ctx)
	}
	key, err := k.begin(ctx, r, may)
	if err != nil {
		return Answer{}, err
	}
	var answer Answer
	var found *row
	err = k.db.InTx(ctx, func(ctx context.Context) (err error) {
		answer = Answer{} // a unit of work may run more than once
		if found, err = k.look(ctx, key); err != nil {
			return err
		}
		if r.Begun != nil {
			if err := k.repository.wait(ctx); err != nil {
				return err
			}
		}
		if answer, err = work(ctx); err != nil {
			return err
		}
		digest, err := r.Digest()
		if err != nil {
			return err
		}
		return k.repository.put(ctx, key.answered(digest, answer))
	}, opts...)
	switch {
	case errors.Is(err, errKept):
		return k.replay(ctx, r, may, *found)
	case err != nil:
		return Answer{}, err
	default:
		return answer, nil
	}
}

// OnceInSteps carries out a request whose work commits piece by piece, and keeps the
// answer at the end. When the program is killed before, the key may be taken again
// after Config.Lease, and the work finds the pieces that are there. Its errors are
// those of [Keeper.Once].
func (k *Keeper) OnceInSteps(ctx context.Context, r Request, may May, work Work) (Answer, error) {
	if !r.Given {
		return work(ctx)
	}
	key, err := k.begin(ctx, r, may)
	if err != nil {
		return Answer{}, err
	}
	var found *row
	owner := uuid.New()
	key.Owner, key.Lease = &owner, &k.config.Lease
	err = k.db.InTx(ctx, func(ctx context.Context) (err error) {
		if found, err = k.look(ctx, key); err != nil {
			return err
		}
		return k.repository.put(ctx, key)
	})
	switch {
	case errors.Is(err, errKept):
		return k.replay(ctx, r, may, *found)
	case err != nil:
		return Answer{}, err
	default:
		return k.hold(ctx, r, key, work)
	}
}

// begin is what comes before the key is looked at.
func (k *Keeper) begin(ctx context.Context, r Request, may May) (row, error) {
	if err := may(ctx); err != nil {
		return row{}, err
	}
	who, err := auth.Require(ctx)
	if err != nil {
		return row{}, err
	}
	if r.wrong() {
		return row{}, ErrKeyInvalid
	}
	if r.Begun != nil {
		if err := r.Begun(); err != nil {
			return row{}, err
		}
	}
	return row{UserID: who.UserID, Key: r.Key, Endpoint: r.Endpoint}, nil
}

// errKept ends a unit of work that has found an answer, and has nothing to commit.
var errKept = errors.New("the answer was kept")

// look takes the key for this unit of work. Where it has an answer already, that is
// given with [errKept].
func (k *Keeper) look(ctx context.Context, key row) (*row, error) {
	if err := k.repository.lock(ctx, key.UserID, key.Key); err != nil {
		return nil, err
	}
	found, err := k.repository.get(ctx, key.UserID, key.Key)
	switch {
	case err != nil || found == nil:
		return nil, err
	case found.Endpoint != key.Endpoint:
		return nil, ErrKeyReused
	case found.Status == nil:
		return nil, ErrInProgress
	default:
		return found, errKept
	}
}

// replay gives an answer that was kept to whoever sends the same request and may still
// do what it asks for: reading it may have taken long.
func (k *Keeper) replay(ctx context.Context, r Request, may May, found row) (Answer, error) {
	digest, err := r.Digest()
	if err != nil {
		return Answer{}, err
	}
	if found.Digest == nil || digest != *found.Digest {
		return Answer{}, ErrKeyReused
	}
	if err := may(ctx); err != nil {
		return Answer{}, err
	}
	if found.Body == nil {
		return Answer{}, ErrAnswerNotKept
	}
	return Answer{Status: *found.Status, Headers: found.Headers, Body: found.Body, Replayed: true}, nil
}

// Forget deletes the rows that count no more, in slices, and gives their number.
// Several may do so at once.
func (k *Keeper) Forget(ctx context.Context) (int64, error) {
	var total int64
	for {
		n, err := k.repository.forget(ctx, k.config.Slice)
		total += n
		if err != nil || n < int64(k.config.Slice) {
			return total, err
		}
	}
}
