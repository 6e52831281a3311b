package victim

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// AsProgram is the variable that makes a test's binary the program itself.
const AsProgram = "SEMANTIK_TEST_AS_PROGRAM"

// readyTimeout bounds a start, a recovery of the database included.
const readyTimeout = 30 * time.Second

// Program is the program in a process of its own.
type Program struct {
	// Addr is where it serves, the same after each start.
	Addr string

	t       testing.TB
	args    []string
	environ []string
	command *exec.Cmd
	ended   chan struct{}
	log     string
	// ready reports whether it can do its work.
	ready func() bool
	// said is how much it had said before its last start.
	said int
}

// NewProgram prepares the program with these arguments and nothing but this
// environment; [Program.Start] starts it. It ends with the test, which shows its log
// when it has failed.
func NewProgram(t testing.TB, environ []string, args ...string) *Program {
	t.Helper()
	addr := ownAddress()
	p := &Program{
		Addr: addr, t: t, args: args, log: filepath.Join(t.TempDir(), "log"),
		environ: slices.Concat(environ, []string{AsProgram + "=1", "HTTP_ADDR=" + addr}),
	}
	p.ready = p.serves
	t.Cleanup(func() {
		if p.command != nil {
			_ = p.command.Process.Kill()
			<-p.ended
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", p.Addr, p.Log())
		}
	})
	return p
}

// NewWorker prepares "semantik worker", as NewProgram does what serves.
func NewWorker(t testing.TB, environ []string) *Program {
	t.Helper()
	p := NewProgram(t, environ, "worker")
	p.ready = p.works
	return p
}

// ownAddress is one that nobody else listens on: a port that is free again while the
// program is down may be taken by another server meanwhile.
func ownAddress() string {
	draw := rand.IntN
	if runtime.GOOS != "linux" { // which alone has all of 127.0.0.0/8
		return fmt.Sprintf("127.0.0.1:%d", 20_000+draw(10_000))
	}
	return fmt.Sprintf("127.%d.%d.%d:18080", 1+draw(200), draw(250), 1+draw(250))
}

// URL is where it serves.
func (p *Program) URL() string { return "http://" + p.Addr }

// Log is what it has said since its first start.
func (p *Program) Log() string {
	content, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// Start starts it, and returns when it is ready.
func (p *Program) Start() {
	p.t.Helper()
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	require.NoError(p.t, err)
	defer func() { _ = log.Close() }() // the process has its own
	p.said = len(p.Log())

	p.command = exec.Command(os.Args[0], p.args...) //nolint:gosec,noctx // the test's own binary, which is killed
	p.command.Env = p.environ
	p.command.Stdout, p.command.Stderr = log, log
	require.NoError(p.t, p.command.Start())
	ended := make(chan struct{})
	p.ended = ended
	go func(command *exec.Cmd) {
		defer close(ended)
		_ = command.Wait()
	}(p.command)
	p.AwaitReady()
}

// AwaitReady returns when it can do its work: a server serves, and a worker has said since
// its start that it works, which is the sign that an operator has of one.
func (p *Program) AwaitReady() {
	p.t.Helper()
	require.Eventually(p.t, p.ready, readyTimeout, 10*time.Millisecond, "it does not get ready")
}

func (p *Program) serves() bool {
	request, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, p.URL()+"/api/health/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

func (p *Program) works() bool { return strings.Contains(p.Log()[p.said:], "msg=working") }

// AwaitLog returns when it has said this.
func (p *Program) AwaitLog(text string) {
	p.t.Helper()
	require.Eventually(p.t, func() bool { return strings.Contains(p.Log(), text) }, readyTimeout, 10*time.Millisecond, text)
}

// Kill ends it in the middle of whatever it does. One that has ended by itself fails the
// test.
func (p *Program) Kill() {
	p.t.Helper()
	select {
	case <-p.ended:
		require.FailNow(p.t, "the program has ended by itself")
	default:
	}
	require.NoError(p.t, p.command.Process.Signal(syscall.SIGKILL))
	<-p.ended
	p.command = nil
}
