package operations

import (
	"context"

	"semantik/platform/events"
	"semantik/platform/sockets"
	"semantik/platform/web"
)

// RegisterSockets adds the module's sockets.
func RegisterSockets(server *web.Server, hub *sockets.Hub, bus *events.Bus, s *Service) {
	server.Socket("/ws/operations", func(h *web.Handshake) error {
		return hub.Open(h, func(ctx context.Context) (sockets.Feed, error) { return s.watchOwn(ctx, bus) })
	})
	server.Socket("/ws/operations/:operation_id", func(h *web.Handshake) error {
		return hub.Open(h, func(ctx context.Context) (sockets.Feed, error) {
			id, err := web.ParseUUID(h.Param("operation_id"))
			if err != nil {
				return nil, ErrNotFound // by which it would be refused as well
			}
			return s.watchOne(ctx, bus, id)
		})
	})
}
