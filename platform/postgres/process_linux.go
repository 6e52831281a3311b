package postgres

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
)

// lookUpProcess gives false for a process that has ended, reaped or not. The
// folder is told to root only where root may look into other accounts' processes.
func lookUpProcess(_ context.Context, pid int) (processInfo, bool) {
	proc := fmt.Sprintf("/proc/%d/", pid)
	stat, err := os.ReadFile(proc + "stat")
	if err != nil {
		return processInfo{}, false
	}
	// The state follows the name, which stands in parentheses and may hold any.
	if _, rest, ok := cutLast(string(stat), ") "); ok && (strings.HasPrefix(rest, "Z") || strings.HasPrefix(rest, "X")) {
		return processInfo{}, false
	}
	line, err := os.ReadFile(proc + "cmdline")
	if err != nil {
		return processInfo{}, false
	}
	var info processInfo
	for arg := range bytes.SplitSeq(bytes.TrimRight(line, "\x00"), []byte{0}) {
		info.args = append(info.args, string(arg))
	}
	info.dir, _ = os.Readlink(proc + "cwd")
	return info, true
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}
