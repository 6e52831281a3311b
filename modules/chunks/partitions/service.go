package partitions

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"semantik/platform/apperr"
	"semantik/platform/auth"
	"semantik/platform/database"
)

const (
	// lookLimit bounds each statement of a look at the partitions.
	lookLimit = 10 * time.Second
	// CountLimit bounds the exact count of all partitions together.
	CountLimit = 20 * time.Second
	// sampledPartitions is how many of the partitions each look takes a sample of,
	// others each time.
	sampledPartitions = 4
)

// Service has the rules on looking at the partitions: who may, and how much it may
// cost.
type Service struct {
	db         *database.DB
	repository *Repository
	log        *slog.Logger
	// counting is held by the one exact count that may go on.
	counting sync.Mutex
}

// NewService makes the service. A nil logger discards.
func NewService(db *database.DB, repository *Repository, log *slog.Logger) *Service {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Service{db: db, repository: repository, log: log}
}

// Health is the answer to whether all is well. That the look itself failed is an
// answer too: a monitor has to be told, and not to guess.
type Health struct {
	Report

	// Failure says why there is no report; "" when there is one.
	Failure string
}

// Health looks at all partitions, verifies keys, and says what is wrong. It is for
// administrators: see [auth.RequireAdmin].
func (s *Service) Health(ctx context.Context) (Health, error) {
	if err := auth.RequireAdmin(ctx); err != nil {
		return Health{}, err
	}
	report, err := s.look(ctx, sampledPartitions)
	switch {
	case err == nil:
		return Health{Report: report}, nil
	case ctx.Err() != nil:
		return Health{}, err
	}
	s.log.ErrorContext(ctx, "the health of the partitions could not be looked at", "error", err)
	failed := Assess(Facts{At: time.Now().UTC()})
	failed.Alerts = []Alert{}
	return Health{Report: failed, Failure: apperr.From(err).Message}, nil
}

// Report looks at all partitions without reading a chunk. It is for
// administrators.
func (s *Service) Report(ctx context.Context) (Report, error) {
	if err := auth.RequireAdmin(ctx); err != nil {
		return Report{}, err
	}
	return s.look(ctx, 0)
}

// look reads the facts, with samples of so many partitions, and judges them.
func (s *Service) look(ctx context.Context, samples int) (Report, error) {
	var f Facts
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		f = Facts{}
		if err := s.repository.Bound(ctx, lookLimit); err != nil {
			return err
		}
		var err error
		if f.Method, f.At, f.Autovacuum, err = s.repository.Method(ctx); err != nil {
			return err
		}
		if f.Partitions, err = s.repository.Partitions(ctx, f.Method.Count); err != nil {
			return err
		}
		if err := s.repository.Collections(ctx, f.Partitions, &f.Verification); err != nil {
			return err
		}
		if f.Parents, err = s.repository.Parents(ctx); err != nil {
			return err
		}
		return s.sample(ctx, &f, samples)
	}, database.ReadOnly())
	if err != nil {
		return Report{}, err
	}
	return Assess(f), nil
}

// sample verifies chunks of some partitions that have any, at random.
func (s *Service) sample(ctx context.Context, f *Facts, samples int) error {
	for _, num := range rand.Perm(len(f.Partitions)) { //nolint:gosec // a sample, not a secret
		if len(f.Verification.Sampled) >= samples {
			return nil
		}
		p := f.Partitions[num]
		if !p.Chunks.Exists || p.Chunks.Rows == 0 {
			continue
		}
		looked, wrong, err := s.repository.Sample(ctx, p, len(f.Partitions))
		if err != nil {
			return err
		}
		f.Verification.Chunks += looked
		f.Verification.ChunksWrong += wrong
		f.Verification.Sampled = append(f.Verification.Sampled, num)
		if wrong > 0 {
			f.Verification.WrongIn = append(f.Verification.WrongIn, num)
		}
	}
	return nil
}
