package docs_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"semantik/platform/pgtest"
)

const (
	// playTimeout bounds the commands of one document.
	playTimeout = 3 * time.Minute
	// endTimeout is what its processes have to end once they are told to.
	endTimeout = 10 * time.Second
	// partitions are few, which makes a database cheap.
	partitions = 4
)

// prelude is what the session begins with: its end, and what comments in documents start a
// server with.
const prelude = `set -E
trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT
start() {
	: > "$TMPDIR/server.log" # or the last one is read before this one is there
	semantik up "$@" >> "$TMPDIR/server.log" 2>&1 &
	SERVER=$!
	until grep -q 'Ctrl-C ends it' "$TMPDIR/server.log"; do
		kill -0 $SERVER || { cat "$TMPDIR/server.log"; return 1; }
		sleep 0.1
	done
}
stop() { kill $SERVER; wait $SERVER || true; }
`

// result is a step that was run.
type result struct {
	step

	printed string
	// failed has the commands of a block that failed.
	failed string
	ran    bool
}

func (r result) check(t *testing.T, document string) {
	t.Helper()
	switch {
	case !r.ran:
		t.Errorf("%s:%d was not reached: %s", document, r.line, r.text)
	case r.failed != "":
		t.Errorf("%s:%d: failed: %s\n%s", document, r.line, r.failed, r.printed)
	case r.console && !matches(r.output, strings.Split(r.printed, "\n")):
		t.Errorf("%s:%d: $ %s\nis said to print\n\t%s\nand printed\n\t%s\nin which, without what may differ,\n\t%s\nis not\n\t%s", document, r.line, r.text,
			strings.Join(r.output, "\n\t"), strings.ReplaceAll(strings.TrimSpace(r.printed), "\n", "\n\t"),
			strings.Join(shapes(r.output), "\n\t"), strings.Join(shapes(trimmed(strings.Split(r.printed, "\n"))), "\n\t"))
	}
}

// play runs the steps in one shell.
func play(t *testing.T, bin string, steps []step) []result {
	t.Helper()
	folder, notes := t.TempDir(), t.TempDir()
	addr := fmt.Sprintf("127.%d.%d.%d:18080", 1+rand.IntN(200), rand.IntN(250), 1+rand.IntN(250))
	database := pgtest.Partitioned(t, partitions)
	repository, err := filepath.Abs(root)
	require.NoError(t, err)
	var script strings.Builder
	script.WriteString(prelude)
	for i, s := range steps {
		file := filepath.Join(notes, strconv.Itoa(i))
		text := strings.NewReplacer("localhost:8080", addr, "127.0.0.1:8080", addr, "/var/lib/semantik", filepath.Join(folder, "data")).Replace(s.text)
		if !s.console {
			fmt.Fprintf(&script, "trap 'printf \"%%s\\n\" \"$BASH_COMMAND\" >> %s.failed' ERR\n", file)
		}
		fmt.Fprintf(&script, "{ %s\n} > %s.out 2>&1 < /dev/null\ntrap - ERR\n", text, file)
	}

	ctx, cancel := context.WithTimeout(t.Context(), playTimeout)
	defer cancel()
	shell := exec.CommandContext(ctx, "bash", "--norc", "-c", script.String())
	shell.Dir = folder
	shell.Env = []string{
		"PATH=" + bin + ":" + os.Getenv("PATH"), "HOME=" + folder, "LANG=C.UTF-8", "TMPDIR=" + notes, "REPOSITORY=" + repository,
		"DATABASE_URL=" + database, "SEMANTIK_DATA=" + filepath.Join(folder, "data"), "HTTP_ADDR=" + addr,
		fmt.Sprintf("CHUNK_PARTITION_COUNT=%d", partitions), "BCRYPT_COST=4", "DB_POOL_SIZE=6", "DB_MAX_OVERFLOW=2",
	}
	// The shell and what it has started are one group, and end together.
	shell.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	shell.Cancel = func() error { return syscall.Kill(-shell.Process.Pid, syscall.SIGTERM) }
	shell.WaitDelay = endTimeout
	out, err := shell.CombinedOutput()
	if ctx.Err() != nil || len(out) > 0 {
		t.Errorf("the shell: %v\n%s", err, out)
	}

	u, err := url.Parse(database)
	require.NoError(t, err)
	plain := strings.NewReplacer(filepath.Join(folder, "data"), "/var/lib/semantik", folder, "/home/you", addr, "127.0.0.1:8080", strings.TrimPrefix(u.Path, "/"), "semantik")
	results := make([]result, len(steps))
	for i, s := range steps {
		file := filepath.Join(notes, strconv.Itoa(i))
		printed, err := os.ReadFile(file + ".out")
		failed, _ := os.ReadFile(file + ".failed")
		results[i] = result{step: s, printed: asElsewhere(plain.Replace(string(printed))), failed: string(failed), ran: err == nil}
	}
	return results
}

var serverLine = regexp.MustCompile(`PostgreSQL \d[\d.]*( \([^)]*\))* \([^)]*\);\s+database\s+semantik`)

// asElsewhere is what would have been printed of another database than that of the tests.
func asElsewhere(printed string) string {
	printed = strings.ReplaceAll(printed, ", by unknown", ", by 0.9.0") // the template's
	return examined(serverLine.ReplaceAllString(printed, "PostgreSQL 18.4; database semantik"))
}
