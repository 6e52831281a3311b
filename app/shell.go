package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"semantik/platform/config"
)

// shell is the world of a command: where it reads and writes and what its
// environment is, so that a test can be one.
type shell struct {
	// program is how the program was called, for the commands that it proposes.
	program string
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	environ []string
	// keyring is where the platform keeps passwords; nil for none.
	keyring secrets
}

func systemShell() *shell {
	s := &shell{program: os.Args[0], stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, environ: os.Environ()}
	s.keyring = s.findKeyring()
	return s
}

// getenv reads a variable of the environment.
func (s *shell) getenv(name string) string {
	for _, entry := range slices.Backward(s.environ) {
		if value, found := strings.CutPrefix(entry, name+"="); found {
			return value
		}
	}
	return ""
}

// The variables of the client, which are no settings of the server.
const (
	envServer = "SEMANTIK_SERVER"
	envAPIKey = "SEMANTIK_API_KEY" //nolint:gosec // the name of a variable
	envToken  = "SEMANTIK_TOKEN"   //nolint:gosec // the name of a variable
)

// load reads the settings for a command.
func (s *shell) load(cmd *cobra.Command) (*config.Config, error) {
	options := config.FromFlags(cmd.Flags())
	options.Environ = s.environ
	options.Others = []string{envServer, envAPIKey, envToken}
	return config.Load(options)
}

// json writes a command's result for programs: one object on a line.
func (s *shell) json(v any) error {
	encoder := json.NewEncoder(s.stdout)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("writing the result: %w", err)
	}
	return nil
}

// printf writes to standard output; a pipe that nobody reads is no error of
// ours.
func (s *shell) printf(format string, args ...any) { _, _ = fmt.Fprintf(s.stdout, format, args...) }

// notef writes to standard error.
func (s *shell) notef(format string, args ...any) { _, _ = fmt.Fprintf(s.stderr, format, args...) }

// isTerminal reports whether a person looks at it.
func isTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// interactive reports whether bars may be drawn on standard error.
func (s *shell) interactive() bool { return isTerminal(s.stderr) && s.getenv("TERM") != "dumb" }

// styleFor gives the colours for a stream: none unless a person looks at it who
// has not asked for none.
func (s *shell) styleFor(stream any) style {
	return style{on: isTerminal(stream) && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb"}
}

// configDir is the folder for what the client keeps.
func (s *shell) configDir() (string, error) {
	if dir := s.getenv("XDG_CONFIG_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "semantik"), nil
	}
	home := s.getenv("HOME")
	if !filepath.IsAbs(home) {
		return "", errors.New("there is no home directory to keep a login in; set HOME or XDG_CONFIG_HOME, or give SEMANTIK_SERVER and SEMANTIK_API_KEY")
	}
	if runtime.GOOS == "darwin" {
		return filepath.Join(home, "Library", "Application Support", "semantik"), nil
	}
	return filepath.Join(home, ".config", "semantik"), nil
}
