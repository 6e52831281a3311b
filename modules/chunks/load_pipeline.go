package chunks

import (
	"context"
	"fmt"
	"io"
)

const (
	// batchRows and batchBytes are how many chunks, and how many bytes of content, are
	// handed over at once from who reads them to who stores them; batchesAhead is how
	// many such batches reading may be ahead. Together they bound the memory of a load.
	batchRows    = 256
	batchBytes   = 1 << 20
	batchesAhead = 3
)

// pipeline reads, decodes and checks the chunks of a load in a goroutine of its own,
// while those before are being stored. Reading waits when storing is slower, and so
// does the client.
type pipeline struct {
	source    RowSource
	interrupt func()
	batches   chan batch
	stop      context.CancelFunc
	ended     chan struct{} // closed when nothing is read any more

	current batch
}

// batch is some chunks, and the error that came after them.
type batch struct {
	chunks []NewChunk
	err    error
}

// newPipeline begins to read. interrupt makes a source that waits return.
func newPipeline(ctx context.Context, source RowSource, interrupt func()) *pipeline {
	ctx, stop := context.WithCancel(ctx)
	p := &pipeline{source: source, interrupt: interrupt, batches: make(chan batch, batchesAhead), stop: stop, ended: make(chan struct{})}
	go p.read(ctx)
	return p
}

// read reads until the source ends; its last batch has an error, io.EOF at the end.
func (p *pipeline) read(ctx context.Context) {
	defer close(p.ended)
	for ended := false; !ended; {
		b := p.next()
		ended = b.err != nil
		select {
		case p.batches <- b:
		case <-ctx.Done():
			return
		}
	}
}

// next reads one batch. A panic in the source is its error.
func (p *pipeline) next() (b batch) {
	defer func() {
		if r := recover(); r != nil {
			b.err = fmt.Errorf("reading chunks panicked: %v", r)
		}
	}()
	b.chunks = make([]NewChunk, 0, batchRows)
	for size := 0; len(b.chunks) < batchRows && size < batchBytes; {
		c, err := p.source()
		if err != nil {
			b.err = err
			return b
		}
		size += len(c.Content) + len(c.Metadata)
		b.chunks = append(b.chunks, c)
	}
	return b
}

// take waits for the next batch.
func (p *pipeline) take() {
	select {
	case p.current = <-p.batches:
	case <-p.ended: // and perhaps its last batch is there
		select {
		case p.current = <-p.batches:
		default:
			p.current = batch{err: context.Canceled}
		}
	}
}

// wait waits for the first chunks, the end, or an error, so that no transaction is
// begun for a client that does not send anything yet. Only an error is one of the
// load's.
func (p *pipeline) wait() error {
	p.take()
	//nolint:errorlint // an error that wraps io.EOF is one of something that ended too early
	if len(p.current.chunks) == 0 && p.current.err != io.EOF {
		return p.current.err
	}
	return nil
}

// Next is the [RowSource] of the other end.
func (p *pipeline) Next() (NewChunk, error) {
	for len(p.current.chunks) == 0 {
		if p.current.err != nil {
			return NewChunk{}, p.current.err
		}
		p.take()
	}
	c := p.current.chunks[0]
	p.current.chunks = p.current.chunks[1:]
	return c, nil
}

// close ends the reading, whatever it waits for, and waits until it has ended. What
// has come to its end by itself is left alone: the connection may bring another
// request.
func (p *pipeline) close() {
	p.stop()
	if p.current.err == nil {
		p.interrupt()
	}
	<-p.ended
}
