package postgres

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"
)

// process is the server's main process, our child.
type process struct {
	pid  int
	log  serverLog
	done chan struct{} // closed when it has ended and was reaped

	handle *os.Process
	asked  atomic.Bool // we asked it to end
	err    error       // why it ended; valid once done is closed
}

// launch starts the server itself rather than through pg_ctl, which would leave
// it as nobody's child. One goroutine owns it, from start to end, on a thread of
// its own: the signal at our death that the kernel is asked for (a fast shutdown)
// is bound to the thread which started the process, not to the program.
func (s *start) launch() (*process, error) {
	output, log, err := openLog(s.log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = output.Close() }()
	cmd := s.command(context.Background(), s.dir, filepath.Join(s.bin.Dir, "postgres"), "-D", s.cluster, "-c", serverMark)
	cmd.Cancel = nil
	cmd.Stdout, cmd.Stderr = output, output
	dieWithParent(cmd.SysProcAttr, syscall.SIGINT)

	p := &process{log: log, done: make(chan struct{})}
	started := make(chan error, 1)
	go p.own(cmd, started)
	if err := <-started; err != nil {
		return nil, ErrStart.WithMessagef("PostgreSQL could not be started: %v.", err).WithCause(err)
	}
	return p, nil
}

func (p *process) own(cmd *exec.Cmd, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		started <- err
		return
	}
	p.pid, p.handle = cmd.Process.Pid, cmd.Process
	started <- nil
	err := cmd.Wait()
	if !p.asked.Load() {
		how := "exit status 0"
		if err != nil {
			how = err.Error()
		}
		p.err = ErrEnded.WithMessagef("PostgreSQL ended by itself (%s). The last lines of its log (%s):\n%s",
			how, p.log.path, p.log.tail(20)).WithCause(err)
	}
	close(p.done)
}

// ended reports whether the process is gone.
func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) endedWith() error {
	if !p.ended() {
		return nil
	}
	return p.err
}

// How long each way to end the server is tried. With a context that has no
// deadline the first one may take a minute: a checkpoint of much changed memory.
const (
	fastPatience      = time.Minute
	immediatePatience = 6 * time.Second
)

// end asks for a fast shutdown, which ends sessions and writes a checkpoint, and
// when the context ends first or that takes too long for an immediate one, which
// leaves the rest to recovery at the next start; both keep what was committed. It
// reports whether the first was enough, and returns when the process is gone.
func (p *process) end(ctx context.Context) (clean bool) {
	p.asked.Store(true)
	ctx, cancel := context.WithTimeout(ctx, fastPatience)
	defer cancel()
	_ = p.handle.Signal(syscall.SIGINT) // fails only when it has ended
	select {
	case <-p.done:
		return true
	case <-ctx.Done():
	}
	_ = p.handle.Signal(syscall.SIGQUIT)
	timer := time.NewTimer(immediatePatience)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		_ = p.handle.Kill()
		<-p.done
	}
	return false
}

// Stop ends the server and gives the data directory back. It returns when the
// process is gone: as soon as running statements are cancelled and a checkpoint
// is written, or some seconds after the context ends, with [ErrUncleanStop].
// Stopping twice, or a server that ended by itself, is fine.
func (s *Server) Stop(ctx context.Context) error {
	s.stop.Lock()
	defer s.stop.Unlock()
	if s.release == nil {
		return nil
	}
	began := time.Now()
	already := s.process.ended()
	clean := s.process.end(ctx)
	if filepath.Dir(s.socketDir) != s.dataDir {
		_ = os.Remove(s.socketDir) // the short one, elsewhere; it stays when it is not empty
	}
	s.release()
	s.release = nil
	if !clean {
		return ErrUncleanStop
	}
	if !already {
		s.logger.InfoContext(ctx, "PostgreSQL has ended", "took", time.Since(began).Round(time.Millisecond))
	}
	return nil
}
