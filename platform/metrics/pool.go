package metrics

import "github.com/jackc/pgx/v5/pgxpool"

// Pool declares the figures of a pool of connections.
func Pool(r *Registry, stat func() *pgxpool.Stat) {
	gauge := func(name, help string, value func(s *pgxpool.Stat) float64) {
		r.GaugeFunc(name, help, func() float64 { return value(stat()) })
	}
	counter := func(name, help string, value func(s *pgxpool.Stat) float64) {
		r.CounterFunc(name, help, func() float64 { return value(stat()) })
	}
	gauge("semantik_pool_connections_in_use", "Connections of the pool that are in use.", func(s *pgxpool.Stat) float64 { return float64(s.AcquiredConns()) })
	gauge("semantik_pool_connections_idle", "Connections of the pool that wait to be used.", func(s *pgxpool.Stat) float64 { return float64(s.IdleConns()) })
	gauge("semantik_pool_connections_max", "The most connections that the pool may have.", func(s *pgxpool.Stat) float64 { return float64(s.MaxConns()) })
	counter("semantik_pool_acquires_total", "How often a connection was taken.", func(s *pgxpool.Stat) float64 { return float64(s.AcquireCount()) })
	counter("semantik_pool_waits_total", "How often a connection was not there at once and had to be waited for, or opened.", func(s *pgxpool.Stat) float64 { return float64(s.EmptyAcquireCount()) })
	counter("semantik_pool_wait_seconds_total", "How long was waited for connections in all.", func(s *pgxpool.Stat) float64 { return s.EmptyAcquireWaitTime().Seconds() })
	counter("semantik_pool_waits_given_up_total", "Waits for a connection that were given up: DB_POOL_TIMEOUT was over, or whoever waited had gone.", func(s *pgxpool.Stat) float64 { return float64(s.CanceledAcquireCount()) })
}
