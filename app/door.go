package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"

	"semantik/platform/web"
)

// door is the address of a program that starts: whoever comes early is told that it does,
// and what it waits for. A nil one is that of a program without an address.
type door struct {
	addr, setting string
	listener      *net.TCPListener
	startup       *web.Startup
}

// openDoor takes the address, if it is to be had. If it is not, the program goes on to
// start all the same: should another one run on the same data, that is the better thing to
// say. setting names what chooses another address.
func openDoor(ctx context.Context, addr, setting string, log *slog.Logger) *door {
	d := &door{addr: addr, setting: setting}
	if listener, err := d.listen(ctx); err == nil {
		d.listener, d.startup = listener, web.BeginStartup(listener, log)
	}
	return d
}

func (d *door) listen(ctx context.Context) (*net.TCPListener, error) {
	var listen net.ListenConfig
	listener, err := listen.Listen(ctx, "tcp", d.addr)
	if err != nil {
		return nil, fmt.Errorf("listening on %s: %w; choose another address with %s", d.addr, err, d.setting)
	}
	tcp, ok := listener.(*net.TCPListener)
	if !ok {
		return nil, errors.Join(fmt.Errorf("listening on %s: it is no address of TCP", d.addr), listener.Close())
	}
	return tcp, nil
}

// waitFor says what the start waits for.
func (d *door) waitFor(what string) {
	if d.startup != nil {
		d.startup.WaitFor(what)
	}
}

// handOver gives the listener to the program, which can answer now; nil for a nil door.
func (d *door) handOver(ctx context.Context) (net.Listener, error) {
	switch {
	case d == nil:
		return nil, nil //nolint:nilnil // no address is no listener, and no error
	case d.startup == nil:
		listener, err := d.listen(ctx)
		if err != nil {
			return nil, err
		}
		return listener, nil
	}
	if err := d.startup.End(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("taking over %s: %w", d.addr, err), d.listener.Close())
	}
	return d.listener, nil
}

// close gives the address back, of a program that could not start.
func (d *door) close(ctx context.Context) {
	if d == nil || d.startup == nil {
		return
	}
	_ = d.startup.End(ctx)
	_ = d.listener.Close()
}
