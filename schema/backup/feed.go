package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/jackc/pgx/v5"
)

// feed gives rows to a COPY into a table. The driver reads in a goroutine of its own, for
// whose end it does not wait when the session breaks or its context ends, so that rows are
// closed while somebody may be about to read on: what was closed is not read any more.
type feed struct {
	rows io.ReadCloser
	each func(n int64) // hears how much was read

	mu     sync.Mutex
	closed bool
	err    error // that ended the reading before its end
}

// errFeedClosed ends a reading that nobody waits for any more.
var errFeedClosed = errors.New("the rows were closed")

func (f *feed) Read(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return 0, errFeedClosed
	}
	n, err := f.rows.Read(p)
	f.each(int64(n))
	if err != nil && !errors.Is(err, io.EOF) {
		f.err = err
	}
	return n, err
}

// Close waits for the read that is going on.
func (f *feed) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	f.closed = true
	return f.rows.Close()
}

// load copies the rows of a table into PostgreSQL and says how many it took.
func (f *feed) load(ctx context.Context, conn *pgx.Conn, t Table, statement string) (int64, error) {
	tag, err := conn.PgConn().CopyFrom(ctx, f, statement)
	if unread := f.failure(); unread != nil {
		return 0, unread // what PostgreSQL says is that we have broken off
	}
	if err != nil {
		// A session that ends with its context says as often that it was closed.
		err = errors.Join(ctx.Err(), err)
		return 0, fmt.Errorf("loading %s: %w", t, err)
	}
	return tag.RowsAffected(), nil
}

func (f *feed) failure() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.err
}

// boundedReader ends with a context, and tells how much was read.
type boundedReader struct {
	from io.Reader
	each func(n int64)
	ctx  context.Context //nolint:containedctx // what ends a reading that nothing else does
}

func (b *boundedReader) Read(p []byte) (int, error) {
	if err := b.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := b.from.Read(p)
	b.each(int64(n))
	return n, err
}
