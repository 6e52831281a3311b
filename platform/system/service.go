package system

import (
	"context"
	"sync"
	"time"

	"semantik/platform/activity"
	"semantik/platform/auth"
	"semantik/platform/database"
	"semantik/platform/metrics"
	"semantik/platform/statements"
	"semantik/platform/web"
)

// Deps are what the service stands on.
type Deps struct {
	DB      *database.DB
	Metrics *metrics.Registry
	// Watcher remembers the slow statements of this process.
	Watcher  *statements.Watcher
	Activity *activity.Repository
	Server   *web.Server
	Version  string
}

// Service knows whom to ask.
type Service struct {
	Deps

	postgres Kept[string]
}

// NewService makes the service.
func NewService(d Deps) *Service { return &Service{Deps: d} }

// MetricsText gives all metrics in Prometheus's form. It is for whoever is signed in, an
// API key by its scope.
func (s *Service) MetricsText(ctx context.Context) (string, error) {
	if _, err := auth.RequireUnconfined(ctx, auth.ScopeRead); err != nil {
		return "", err
	}
	return s.Metrics.Text()
}

// CollectMetrics is [Service.MetricsText] for a superuser in person, and for whoever has
// shown METRICS_TOKEN.
func (s *Service) CollectMetrics(ctx context.Context) (string, error) {
	if !web.IsCollector(ctx) {
		if _, err := auth.RequireSuperuser(ctx); err != nil {
			return "", err
		}
	}
	return s.Metrics.Text()
}

// The sources of slow statements.
const (
	// SourceExtension is PostgreSQL's pg_stat_statements, which sees what all programs send.
	SourceExtension = "pg_stat_statements"
	// SourceProcess is what this process has seen of its own since its start.
	SourceProcess = "process"
)

// SlowStatements is an answer to what is slow.
type SlowStatements struct {
	Source string
	// Note says what the source does not know.
	Note      string
	Threshold time.Duration
	// One of the two is set, by the source.
	Extension []activity.SlowStatement
	Process   []statements.Slow
}

// Slow gives the statements that took SLOW_QUERY_MS or longer, at most limit of them, that
// first which took the most time. It is for superusers in person.
func (s *Service) Slow(ctx context.Context, limit int) (SlowStatements, error) {
	if _, err := auth.RequireSuperuser(ctx); err != nil {
		return SlowStatements{}, err
	}
	slow := SlowStatements{Source: SourceProcess, Threshold: s.Watcher.SlowAfter()}
	if slow.Threshold == 0 {
		slow.Note = "SLOW_QUERY_MS is 0: no statement counts as slow."
		return slow, nil
	}
	found, known, err := s.Activity.SlowStatements(ctx, slow.Threshold, limit)
	if err != nil {
		return slow, err
	}
	if known {
		slow.Source, slow.Extension = SourceExtension, found
		slow.Note = "Of all that was sent to this database, by whomever, since the extension's figures began."
		return slow, nil
	}
	slow.Process = s.Watcher.Slow(limit)
	slow.Note = "Only of what this process has sent since its start: other servers and workers keep lists of their own. " +
		"With the extension pg_stat_statements PostgreSQL keeps one for all."
	return slow, nil
}

// infoFor is how long what anybody may ask for is kept.
const infoFor = 15 * time.Second

// PostgresVersion is that of the database; "" while it does not answer.
func (s *Service) PostgresVersion(ctx context.Context) string {
	return s.postgres.Get(infoFor, func() (version string) {
		// Whoever asks first asks for all, and may go away.
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = s.DB.Querier(bounded).QueryRow(bounded, `select current_setting('server_version')`).Scan(&version) // then it is not known
		return version
	})
}

// Kept keeps what was read for a while, so that what anybody may ask for costs nothing.
type Kept[T any] struct {
	mu    sync.Mutex
	value T
	until time.Time
}

// Get gives what is kept, or else what read gives, which is kept then. One reads at a
// time, and the others wait for it.
func (k *Kept[T]) Get(life time.Duration, read func() T) T {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Now().Before(k.until) {
		return k.value
	}
	k.value = read()
	k.until = time.Now().Add(life)
	return k.value
}
