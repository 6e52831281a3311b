package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	// startPatience is how long a start may take before it counts as failed.
	startPatience = 2 * time.Minute
	stopPatience  = 20 * time.Second
	// lookEvery is how exactly a start is measured.
	lookEvery = time.Millisecond
)

// server is the program, running.
type server struct {
	command *exec.Cmd
	url     string
	log     string
	// took is the time from its start to its first answer.
	took time.Duration
}

// environment is that of the program: nothing of the caller's may lead it
// elsewhere.
func (b *bench) environment(data, addr string, more ...string) []string {
	environ := []string{
		"SEMANTIK_DATA=" + data, "HTTP_ADDR=" + addr, "XDG_CONFIG_HOME=" + filepath.Join(b.work, "config"), "LOG_LEVEL=warn",
	}
	for _, name := range []string{"PATH", "HOME", "XDG_CACHE_HOME", "TMPDIR", "SEMANTIK_POSTGRES_BIN", "PPROF_ADDR", "GOGC"} {
		if value, ok := os.LookupEnv(name); ok {
			environ = append(environ, name+"="+value)
		}
	}
	return append(environ, more...)
}

// serve starts the program and waits for its first answer that needed the
// database.
func (b *bench) serve(ctx context.Context, data string, more ...string) (*server, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &server{url: "http://" + addr, log: filepath.Join(b.work, "serve.log")}
	log, err := os.Create(s.log)
	if err != nil {
		return nil, fmt.Errorf("opening a log: %w", err)
	}
	defer func() { _ = log.Close() }()
	s.command = exec.Command(b.program, "serve") //nolint:noctx // ended by stop, which waits for it
	s.command.Dir, s.command.Env = b.work, b.environment(data, addr, more...)
	s.command.Stdout, s.command.Stderr = log, log
	began := time.Now()
	if err := s.command.Start(); err != nil {
		return nil, fmt.Errorf("starting the program: %w", err)
	}
	if err := s.awaitAnswer(ctx); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	s.took = time.Since(began)
	return s, nil
}

func (s *server) awaitAnswer(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startPatience)
	defer cancel()
	again := time.NewTicker(lookEvery)
	defer again.Stop()
	for {
		if s.answers(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			said, _ := os.ReadFile(s.log)
			return fmt.Errorf("the program did not answer: %w\n%s", ctx.Err(), said)
		case <-again.C:
		}
	}
}

func (s *server) answers(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/api/health/readyz", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return err == nil && response.StatusCode == http.StatusOK
}

// stop interrupts the program and waits for its end.
func (s *server) stop() error {
	http.DefaultClient.CloseIdleConnections()
	if err := s.command.Process.Signal(syscall.SIGINT); err != nil {
		return fmt.Errorf("stopping the program: %w", err)
	}
	kill := time.AfterFunc(stopPatience, func() { _ = s.command.Process.Kill() })
	defer kill.Stop()
	if err := s.command.Wait(); err != nil && s.command.ProcessState.ExitCode() != interrupted {
		return fmt.Errorf("stopping the program: %w", err)
	}
	return nil
}

// interrupted is the exit code of a program that was told to end.
const interrupted = 130

// memory is what the program itself holds, in MiB: its part of PostgreSQL's
// memory is PostgreSQL's.
func memory(ctx context.Context, pid int) (float64, error) {
	out, err := exec.CommandContext(ctx, "ps", "-o", "rss=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return 0, fmt.Errorf("asking for the program's memory: %w", err)
	}
	kilobytes, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		return 0, fmt.Errorf("asking for the program's memory: %w", err)
	}
	return kilobytes / 1024, nil
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
