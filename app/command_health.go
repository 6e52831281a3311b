package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"semantik/app/client"
	"semantik/platform/config"
)

const (
	// healthTimeout bounds one question: a server that takes longer to say that it is
	// well is not.
	healthTimeout = 5 * time.Second
	// healthPause is between two questions of --wait.
	healthPause = 200 * time.Millisecond
	// maxHealthAnswer bounds what is read of an answer.
	maxHealthAnswer = 1 << 20
)

// health is what readiness tells, and the command prints with --json.
type health struct {
	URL      string   `json:"url"`
	Ready    bool     `json:"ready"`
	Problems []string `json:"problems,omitempty"`
}

// healthFlags are the command's own.
type healthFlags struct {
	url    string
	worker bool
	wait   time.Duration
	pid    int
	json   bool
}

func newHealth(s *shell) *cobra.Command {
	var flags healthFlags
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Ask whether a server can serve",
		Long: "Ask a server whether it can serve: that of HTTP_ADDR on this machine, or another with --url. It exits\n" +
			"with 0 when it can and with 1 when it cannot, is still starting, or does not answer, and says why.\n" +
			"It needs no account, so that it is good for the probe of a container, which has no curl.\n\n" +
			"With --worker it asks a worker, which listens only where WORKER_ADDR says so. With --wait it asks\n" +
			"again until the answer is good, which a script does after it has started a server.",
		Example: "  semantik health\n  semantik health --wait 30s\n  semantik health --url https://semantik.example.com",
		Args:    cobra.NoArgs,
	}
	cmd.Flags().StringVar(&flags.url, "url", "", "address of the server (default: that of HTTP_ADDR on this machine)")
	cmd.Flags().BoolVar(&flags.worker, "worker", false, "ask the worker of WORKER_ADDR on this machine")
	cmd.Flags().DurationVar(&flags.wait, "wait", 0, "ask again for so long until it can serve, such as 30s")
	cmd.Flags().IntVar(&flags.pid, "pid", 0, "with --wait, ask no more once this process has ended")
	asJSON := addJSON(cmd)
	config.AddFlags(cmd.Flags(), "HTTP_ADDR", "WORKER_ADDR")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		flags.json = *asJSON
		if flags.wait < 0 {
			return usagef("--wait must not be negative")
		}
		if flags.pid < 0 || flags.pid > 0 && flags.wait == 0 {
			return usagef("--pid is a process for --wait, which was not given")
		}
		server, err := s.healthServer(cmd, flags)
		if err != nil {
			return err
		}
		return s.health(cmd.Context(), server, flags)
	}
	return withExitCodes(cmd)
}

// healthServer is whom to ask.
func (s *shell) healthServer(cmd *cobra.Command, flags healthFlags) (string, error) {
	if flags.url != "" {
		if flags.worker {
			return "", usagef("--url and --worker name two to ask; give one")
		}
		server, err := client.ParseServer(flags.url)
		if err != nil {
			return "", usageError{err}
		}
		return server, nil
	}
	c, err := s.load(cmd)
	if err != nil {
		return "", err
	}
	setting, addr := "HTTP_ADDR", c.HTTP.Addr
	if flags.worker {
		setting, addr = "WORKER_ADDR", c.HTTP.WorkerAddr
	}
	if addr == "" {
		return "", usagef("%s is not set, so that nothing listens; name an address with --url", setting)
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil || port == "0" {
		return "", usagef("%s is %s, which does not tell the port; name the address with --url", setting, addr)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// health asks until the answer is good or the wait is over, and says what came of it.
func (s *shell) health(ctx context.Context, server string, flags healthFlags) error {
	until := time.Now().Add(flags.wait)
	var h health
	var err error
	for {
		h, err = askHealth(ctx, server)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err == nil && h.Ready || !time.Now().Before(until) || hasEnded(flags.pid) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(healthPause):
		}
	}
	if err != nil {
		return err
	}
	return s.showHealth(h, flags.json)
}

func (s *shell) showHealth(h health, asJSON bool) error {
	if asJSON {
		if err := s.json(h); err != nil {
			return err
		}
	}
	if !h.Ready {
		return fmt.Errorf("%s cannot serve: %s", h.URL, strings.Join(h.Problems, " "))
	}
	if asJSON {
		return nil
	}
	s.printf("%s can serve.\n", h.URL)
	for _, problem := range h.Problems {
		s.printf("%s %s\n", s.styleFor(s.stdout).yellow("degraded:"), problem)
	}
	return nil
}

// hasEnded reports whether there is no such process any more; 0 is none to look for.
func hasEnded(pid int) bool {
	if pid == 0 {
		return false
	}
	process, err := os.FindProcess(pid)
	return err != nil || errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

// askHealth asks once. A server that starts answers with what it waits for.
func askHealth(ctx context.Context, server string) (health, error) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	h := health{URL: server}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/api/health/readyz", nil)
	if err != nil {
		return h, fmt.Errorf("asking %s: %w", server, err)
	}
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Do(request)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return h, fmt.Errorf("%s does not answer: %w", server, err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(io.LimitReader(response.Body, maxHealthAnswer))
	if err != nil {
		return h, fmt.Errorf("reading the answer of %s: %w", server, err)
	}
	if json.Unmarshal(content, &h) != nil || (response.StatusCode != http.StatusOK && response.StatusCode != http.StatusServiceUnavailable) {
		return h, fmt.Errorf("%s is no Semantik: it answered %d to /api/health/readyz", server, response.StatusCode)
	}
	h.URL, h.Ready = server, h.Ready && response.StatusCode == http.StatusOK
	return h, nil
}
