package partitions

import (
	"context"
	"time"
)

// CountUntil counts exactly, until an instant.
func (s *Service) CountUntil(ctx context.Context, until time.Time) (Report, error) {
	report, err := s.look(ctx, 0)
	if err != nil {
		return Report{}, err
	}
	return s.count(ctx, report.Facts, nil, until)
}

// Due tells why a parent has to be analyzed.
func (a *Analyzer) Due(c Churn) string { return a.due(c) }
