//go:build !linux

package postgres

import (
	"context"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// lookUpProcess asks ps, which every Unix has and which gives the command line
// in one string.
func lookUpProcess(ctx context.Context, pid int) (processInfo, bool) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "ps", "-ww", "-o", "stat=,command=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return processInfo{}, false
	}
	state, line, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if state == "" || strings.HasPrefix(state, "Z") {
		return processInfo{}, false
	}
	return processInfo{args: []string{strings.TrimSpace(line)}}, true
}
