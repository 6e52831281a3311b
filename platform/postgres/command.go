package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"
)

// command prepares one of PostgreSQL's programs, to be run as the account in
// dir. It gets a process group of its own, so that the Ctrl-C of a terminal
// reaches us alone and we end it in order.
func (a account) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	cmd.Env = a.environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if a.switched {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}
	}
	return cmd
}

// environment is a short list of what may pass: the locale and the PG… variables
// of a shell would change what the server does, and a secret in the environment
// could be read through the database by its superuser. The locale of messages is
// fixed, because we read them.
func (a account) environment() []string {
	env := []string{"LC_ALL=C"}
	for _, name := range []string{"PATH", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	if home, ok := os.LookupEnv("HOME"); ok && !a.switched {
		env = append(env, "HOME="+home)
	}
	return env
}

// run runs a program that ends by itself, with the whole group killed when the
// context ends or we do. The error carries what the program said.
func run(cmd *exec.Cmd) (string, error) {
	// The signal at our death is bound to the thread that starts the program.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	dieWithParent(cmd.SysProcAttr, syscall.SIGKILL)

	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Run(); err != nil {
		said := strings.TrimSpace(lastLines(out.String(), 20))
		if said == "" {
			return "", fmt.Errorf("%s: %w", cmd.Path, err)
		}
		return said, fmt.Errorf("%s: %w: %s", cmd.Path, err, said)
	}
	return out.String(), nil
}
