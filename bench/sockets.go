package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/google/uuid"

	"semantik/app"
	"semantik/modules/operations"
)

const (
	// socketsPatience bounds the part.
	socketsPatience = 20 * time.Minute
	// socketSettle is how long the server is left alone before its memory is looked at.
	socketSettle = 5 * time.Second
	// endsEvery is the time between two ends where each socket waits for its own.
	endsEvery = 20 * time.Millisecond
	// endsForAll is how many ends are told where all sockets wait for each, in each run.
	endsForAll = 2
	// endsApart is the time between those: longer than a socket relies on what it knows
	// of its user, so that each is asked for anew.
	endsApart = 1500 * time.Millisecond
)

// watched measures how long after the commit that ends an operation those hear of it
// who watch over a socket, against a bare LISTEN for the same events in the same run;
// and how much memory of the server a socket takes. First each socket watches an
// operation of its own, and then all watch all operations of their user.
func (b *bench) watched(ctx context.Context) (err error) {
	ctx, cancel := context.WithTimeout(ctx, socketsPatience)
	defer cancel()
	url, stop, err := b.durable(ctx, "sockets")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	s, err := b.serve(ctx, filepath.Join(b.work, "sockets-server"), "DATABASE_URL="+url, "DISABLE_RATE_LIMITING=true",
		"WEBSOCKET_MAX_PER_USER="+strconv.Itoa(b.sockets))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	token, err := s.signIn(ctx)
	if err != nil {
		return err
	}
	a, id, err := b.inside(ctx, url)
	if err != nil {
		return err
	}
	defer a.Close()
	w := &watching{bench: b, app: a, user: id, server: s, token: token, ends: newEnds(), told: teller{part: "sockets"}}
	stopListening, err := w.ends.listen(ctx, url)
	if err != nil {
		return err
	}
	defer stopListening()
	if w.running, err = w.operations(ctx, b.sockets+endsForAll*b.runs); err != nil {
		return err
	}
	if err := w.eachItsOwn(ctx); err != nil {
		return err
	}
	return w.allOfThem(ctx)
}

// watching is the state of this part.
type watching struct {
	*bench

	app     *app.App
	user    int64
	server  *server
	token   string
	running []operations.Operation
	ends    *ends
	told    teller
}

// operations makes operations that a worker seems to have at hand, each on a
// collection of its own, so that nobody ends them but this.
func (w *watching) operations(ctx context.Context, n int) ([]operations.Operation, error) {
	ids, err := manyCollections(ctx, w.app, w.user, n)
	if err != nil {
		return nil, err
	}
	rows, err := w.app.DB.Querier(ctx).Query(ctx, `
insert into operations (collection_id, user_id, type, status, config, attempt, worker, lease_until, started_at)
select id, $1, 'append', 'processing', '{"bench": true}', 1, 'bench', now() + interval '1 day', now() from unnest($2::uuid[]) as id
returning id, uuid, collection_id`, w.user, ids)
	if err != nil {
		return nil, fmt.Errorf("making operations: %w", err)
	}
	defer rows.Close()
	var made []operations.Operation
	for rows.Next() {
		o := operations.Operation{UserID: &w.user, Type: operations.TypeAppend, Attempt: 1}
		if err := rows.Scan(&o.ID, &o.UUID, &o.CollectionID); err != nil {
			return nil, fmt.Errorf("making operations: %w", err)
		}
		made = append(made, o)
	}
	return made, rows.Err()
}

// end ends the next operation, and notes the moment at which its commit was sent.
func (w *watching) end(ctx context.Context) (uuid.UUID, error) {
	o := w.running[0]
	w.running = w.running[1:]
	repository := operations.NewRepository(w.app.DB)
	err := w.app.DB.InTx(ctx, func(ctx context.Context) error {
		err := repository.Finish(ctx, o, operations.StatusCompleted, nil, map[string]any{})
		w.ends.committed(o.UUID)
		return err
	})
	if err != nil {
		return o.UUID, fmt.Errorf("ending an operation: %w", err)
	}
	return o.UUID, nil
}

// eachItsOwn has each socket watch an operation of its own, and ends these one after
// another.
func (w *watching) eachItsOwn(ctx context.Context) error {
	before, err := memory(ctx, w.server.command.Process.Pid)
	if err != nil {
		return err
	}
	paths := make([]string, w.sockets)
	for i := range paths {
		paths[i] = "/ws/operations/" + w.running[i].UUID.String()
	}
	began := time.Now()
	closeAll, err := w.open(ctx, paths)
	if err != nil {
		return err
	}
	defer closeAll()
	linef("sockets", "%8d, opened in %.1f s", w.sockets, time.Since(began).Seconds())
	if err := pause(ctx, socketSettle); err != nil {
		return err
	}
	open, err := memory(ctx, w.server.command.Process.Pid)
	if err != nil {
		return err
	}
	linef("the server's memory", "%8.1f MiB without them, %.1f with", before, open)
	linef("a socket takes", "%8.1f KiB", (open-before)*1024/float64(w.sockets))
	w.ends.reset()
	again := time.NewTicker(endsEvery)
	defer again.Stop()
	for i := range w.sockets {
		w.told.tellf("each its own: %d of %d ends", i, w.sockets)
		if _, err := w.end(ctx); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-again.C:
		}
	}
	if err := w.ends.await(ctx, w.sockets); err != nil {
		return err
	}
	return w.print(ctx, fmt.Sprintf("each its own, an end every %v", endsEvery))
}

// allOfThem has all sockets watch all operations of their user: each end goes to all
// of them at once.
func (w *watching) allOfThem(ctx context.Context) error {
	paths := make([]string, w.sockets)
	for i := range paths {
		paths[i] = "/ws/operations"
	}
	closeAll, err := w.open(ctx, paths)
	if err != nil {
		return err
	}
	defer closeAll()
	if err := pause(ctx, socketSettle); err != nil {
		return err
	}
	w.ends.reset()
	for i := range endsForAll * w.runs {
		w.told.tellf("all at once: %d of %d ends", i, endsForAll*w.runs)
		if _, err := w.end(ctx); err != nil {
			return err
		}
		if err := w.ends.await(ctx, (i+1)*w.sockets); err != nil {
			return err
		}
		if err := pause(ctx, endsApart); err != nil {
			return err
		}
	}
	return w.print(ctx, fmt.Sprintf("each end to all %d at once", w.sockets))
}

func (w *watching) print(ctx context.Context, what string) error {
	frames, bare := w.ends.took()
	linef(what, "%d frames of %d ends", len(frames), len(bare))
	linef("a bare LISTEN hears of it", "within %.2f ms half the time, %.2f ms 99 times of 100", milliseconds(within(bare, 50)), milliseconds(within(bare, 99)))
	linef("the frame is there", "within %.2f ms half the time, %.2f ms 99 times of 100, the last %.2f ms",
		milliseconds(within(frames, 50)), milliseconds(within(frames, 99)), milliseconds(within(frames, 100)))
	linef("ratio", "%8.2f half the time, %.2f 99 times of 100", ratio(within(frames, 50).Seconds(), within(bare, 50).Seconds()), ratio(within(frames, 99).Seconds(), within(bare, 99).Seconds()))
	now, err := memory(ctx, w.server.command.Process.Pid)
	if err != nil {
		return err
	}
	linef("the server's memory then", "%8.1f MiB", now)
	return nil
}
