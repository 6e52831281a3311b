package partitions

import (
	"context"
	"errors"
	"time"

	"semantik/platform/auth"
	"semantik/platform/database"
)

// Statistics are those of all partitions, or of one.
type Statistics struct {
	Report

	// One is the partition that was asked for; nil for all.
	One *PartitionHealth
	// Exact is set where the rows were counted, each of them.
	Exact bool
}

// Statistics gives the numbers of all partitions, or of the one that is named. They
// are estimates, for administrators, unless exact is set: then every row is
// counted and every file asked for its size, which is for superusers in person, one at a time, and ends after
// [CountLimit] with [ErrCountTooLong].
func (s *Service) Statistics(ctx context.Context, num *int, exact bool) (Statistics, error) {
	if err := auth.RequireAdmin(ctx); err != nil {
		return Statistics{}, err
	}
	if exact {
		if _, err := auth.RequireSuperuser(ctx); err != nil {
			return Statistics{}, err
		}
	}
	report, err := s.look(ctx, 0)
	if err != nil {
		return Statistics{}, err
	}
	if num != nil && (*num < 0 || *num >= len(report.Health)) {
		return Statistics{}, ErrNotFound
	}
	if exact {
		if report, err = s.count(ctx, report.Facts, num, time.Now().Add(CountLimit)); err != nil {
			return Statistics{}, err
		}
	}
	statistics := Statistics{Report: report, Exact: exact}
	if num != nil {
		statistics.One = &report.Health[*num]
	}
	return statistics, nil
}

// count puts exact numbers in the place of the estimates. Each table is a
// transaction of its own, so that nothing is held for longer than one takes; the
// numbers are those of different instants.
func (s *Service) count(ctx context.Context, f Facts, num *int, until time.Time) (Report, error) {
	if !s.counting.TryLock() {
		return Report{}, ErrCountBusy
	}
	defer s.counting.Unlock()
	for i := range f.Partitions {
		p := &f.Partitions[i]
		if num != nil && *num != i || !p.Chunks.Exists || !p.Search.Exists {
			continue
		}
		if err := s.countOne(ctx, until, p.Num, &p.Chunks, s.repository.CountChunks); err != nil {
			return Report{}, err
		}
		if err := s.countOne(ctx, until, p.Num, &p.Search, s.repository.CountSearchRows); err != nil {
			return Report{}, err
		}
	}
	return Assess(f), nil
}

func (s *Service) countOne(ctx context.Context, until time.Time, num int, t *Table, count func(context.Context, int) (rows, bytes int64, err error)) error {
	left := time.Until(until)
	if left <= 0 {
		return ErrCountTooLong
	}
	err := s.db.InTx(ctx, func(ctx context.Context) error {
		if err := s.repository.Bound(ctx, left); err != nil {
			return err
		}
		var err error
		t.Rows, t.Bytes, err = count(ctx, num)
		return err
	}, database.ReadOnly())
	if errors.Is(err, database.ErrTimeout) {
		return ErrCountTooLong.WithCause(err)
	}
	return err
}
