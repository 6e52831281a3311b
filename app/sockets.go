package app

import (
	"semantik/modules/collections/preview"
	"semantik/modules/operations"
	"semantik/platform/config"
	"semantik/platform/events"
	"semantik/platform/sockets"
)

// joinSockets joins what is told to those who watch.
func (a *App) joinSockets(c *config.Config, o Options) {
	a.Events = events.NewBus(a.DB, events.Config{Logger: o.Logger})
	a.Sockets = sockets.New(sockets.Config{
		PerUser: c.HTTP.SocketsPerUser, Total: c.HTTP.Sockets, PingEvery: c.HTTP.SocketPing, Logger: o.Logger,
	}, a.Users)
	a.Metrics.GaugeFunc("semantik_sockets_open", "WebSockets that are open.", func() float64 { return float64(a.Sockets.Count()) })
	operations.RegisterSockets(a.Server, a.Sockets, a.Events, a.Operations)
	preview.RegisterSockets(a.Server, a.Sockets, a.Events)
}
