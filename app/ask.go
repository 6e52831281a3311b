package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"
)

// maxPassword bounds what is read as one line.
const maxPassword = 4 << 10

// readPassword reads a password from standard input: its first line.
func (s *shell) readPassword() (string, error) {
	line, err := bufio.NewReader(io.LimitReader(s.stdin, maxPassword)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	password := strings.TrimRight(line, "\r\n")
	if password == "" {
		return "", usagef("standard input holds no password")
	}
	return password, nil
}

// askLine asks for a line on the terminal, which must be one.
func (s *shell) askLine(ctx context.Context, prompt string) (string, error) {
	terminal, err := s.terminal()
	if err != nil {
		return "", err
	}
	s.notef("%s", prompt)
	line, err := ask(ctx, terminal, func() (string, error) { return bufio.NewReader(terminal).ReadString('\n') })
	return strings.TrimSpace(line), err
}

// askPassword asks for a password on the terminal, which does not show it.
func (s *shell) askPassword(ctx context.Context, prompt string) (string, error) {
	terminal, err := s.terminal()
	if err != nil {
		return "", err
	}
	s.notef("%s", prompt)
	password, err := ask(ctx, terminal, func() (string, error) {
		typed, err := term.ReadPassword(int(terminal.Fd()))
		return string(typed), err
	})
	s.notef("\n")
	return password, err
}

// terminal is standard input, if a person sits at it.
func (s *shell) terminal() (*os.File, error) {
	terminal, ok := s.stdin.(*os.File)
	if !ok || !isTerminal(terminal) {
		return nil, usagef("there is no terminal to ask on")
	}
	return terminal, nil
}

// ask reads from the terminal, and leaves it as it was when that is broken off:
// the reading itself cannot be.
func ask(ctx context.Context, terminal *os.File, read func() (string, error)) (string, error) {
	before, err := term.GetState(int(terminal.Fd()))
	if err != nil {
		return "", fmt.Errorf("looking at the terminal: %w", err)
	}
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := read()
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		_ = term.Restore(int(terminal.Fd()), before)
		return "", context.Cause(ctx)
	case a := <-answers:
		if a.err != nil {
			return "", fmt.Errorf("reading from the terminal: %w", a.err)
		}
		return a.text, nil
	}
}
