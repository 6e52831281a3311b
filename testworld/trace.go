package testworld

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// Statement is one that the program sent.
type Statement struct {
	SQL  string
	Args []any
	// Copy is set for a COPY, which has no SQL that could be explained.
	Copy bool
}

// Trace sees every statement of a world's program: it keeps them, breaks one off
// on demand, and tells who waits that something was committed.
type Trace struct {
	mu        sync.Mutex
	recording bool
	kept      []Statement
	// onChunks are the texts of all statements on chunks, but for those of the test.
	onChunks map[string]bool
	// countdown is how many more statements of transactions may run before one is
	// broken off; -1 for none.
	countdown int
	failed    bool
	pause     *Pause
	// committed is closed, and made anew, at each commit.
	committed chan struct{}
}

var (
	_ pgx.QueryTracer    = (*Trace)(nil)
	_ pgx.CopyFromTracer = (*Trace)(nil)
)

func newTrace() *Trace {
	return &Trace{countdown: -1, committed: make(chan struct{}), onChunks: map[string]bool{}}
}

// backgroundKey marks what the program does by itself, whatever a test is at.
type backgroundKey struct{}

// Record keeps every statement from now on, and gives what fn has led to, in the
// order in which they were sent; what the indexer looks for by itself is no part of it.
func (t *Trace) Record(fn func()) []Statement {
	t.mu.Lock()
	t.recording, t.kept = true, nil
	t.mu.Unlock()
	fn()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.recording = false
	return t.kept
}

// failAt breaks off the statement that follows n others; -1 for none.
func (t *Trace) failAt(n int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.countdown, t.failed = n, false
}

func (t *Trace) hasFailed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

// nextCommit gives a channel that is closed at the next commit.
func (t *Trace) nextCommit() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.committed
}

// Pause holds one statement back before it is sent.
type Pause struct {
	text            string
	reached, resume chan struct{}
	once            sync.Once
}

// PauseAt holds the next statement back that has this text.
func (t *Trace) PauseAt(text string) *Pause {
	p := &Pause{text: text, reached: make(chan struct{}), resume: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pause = p
	return p
}

// Reached is closed when the statement is held.
func (p *Pause) Reached() <-chan struct{} { return p.reached }

// Resume lets the statement go on.
func (p *Pause) Resume() { p.once.Do(func() { close(p.resume) }) }

// hold waits where a pause was asked for.
func (t *Trace) hold(ctx context.Context, s Statement) {
	t.mu.Lock()
	p := t.pause
	if p == nil || !strings.Contains(s.SQL, p.text) {
		t.mu.Unlock()
		return
	}
	t.pause = nil
	t.mu.Unlock()
	close(p.reached)
	select {
	case <-p.resume:
	case <-ctx.Done():
	}
}

func (t *Trace) sent(ctx context.Context, conn *pgx.Conn, s Statement) context.Context {
	t.hold(ctx, s)
	t.mu.Lock()
	defer t.mu.Unlock()
	if !s.Copy && !t.onChunks[s.SQL] && ctx.Value(besideKey{}) == nil && IsOnChunks(s.SQL) {
		t.onChunks[s.SQL] = true
	}
	if t.recording && ctx.Value(backgroundKey{}) == nil {
		s.Args = slices.Clone(s.Args)
		t.kept = append(t.kept, s)
	}
	// Outside of a transaction a statement that was not sent is sent again on
	// another connection, and a transaction can always be given up.
	inside := conn.PgConn().TxStatus() != 'I' || strings.HasPrefix(s.SQL, "begin")
	if !inside || strings.EqualFold(s.SQL, "rollback") {
		return ctx
	}
	if t.countdown == 0 {
		t.countdown, t.failed = -1, true
		broken, cancel := context.WithCancel(ctx)
		cancel()
		return broken
	}
	if t.countdown > 0 {
		t.countdown--
	}
	return ctx
}

// takeChunkStatements gives the texts of the statements on chunks so far, and forgets
// them.
func (t *Trace) takeChunkStatements() map[string]bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	taken := t.onChunks
	t.onChunks = map[string]bool{}
	return taken
}

// TraceQueryStart is pgx's.
func (t *Trace) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	ctx = t.sent(ctx, conn, Statement{SQL: data.SQL, Args: data.Args})
	return context.WithValue(ctx, traceKey{}, strings.EqualFold(data.SQL, "commit"))
}

type traceKey struct{}

// TraceQueryEnd is pgx's.
func (t *Trace) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	// What runs outside of a transaction commits by itself.
	if isCommit, _ := ctx.Value(traceKey{}).(bool); !isCommit || data.Err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	close(t.committed)
	t.committed = make(chan struct{})
}

// TraceCopyFromStart is pgx's.
func (t *Trace) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceCopyFromStartData) context.Context {
	return t.sent(ctx, conn, Statement{SQL: "copy " + data.TableName.Sanitize(), Copy: true})
}

// TraceCopyFromEnd is pgx's.
func (*Trace) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

func serializationFailure() error {
	return &pgconn.PgError{Severity: "ERROR", Code: "40001", Message: "could not serialize access (injected by a test)"}
}
