package jobs

import (
	"context"

	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"

	"semantik/platform/database"
)

// driver is River's, with a listener that can be interrupted.
type driver struct{ *riverpgxv5.Driver }

// GetListener is River's.
func (d driver) GetListener(params *riverdriver.GetListenenerParams) riverdriver.Listener {
	return listener{d.Driver.GetListener(params)}
}

// listener says of its wait that it is one: River interrupts it to listen to
// another topic, twice at its start, and would otherwise wait as long as for a
// server that does not answer a request to stop a statement.
type listener struct{ riverdriver.Listener }

// WaitForNotification is River's.
func (l listener) WaitForNotification(ctx context.Context) (*riverdriver.Notification, error) {
	return l.Listener.WaitForNotification(database.Listening(ctx))
}
