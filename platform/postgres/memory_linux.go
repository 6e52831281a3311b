package postgres

import (
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
)

// machineMemory gives the bytes that we may use: those of the machine, or fewer
// where a control group (a container, a service) sets a limit; 0 when unknown.
func machineMemory() uint64 { return memoryUnder("/") }

// memoryUnder reads /proc and /sys below root.
func memoryUnder(root string) uint64 {
	total := totalMemory(filepath.Join(root, "proc/meminfo"))
	for _, limit := range groupLimits(root) {
		if limit > 0 && (total == 0 || limit < total) {
			total = limit
		}
	}
	return total
}

func totalMemory(meminfo string) uint64 {
	b, err := os.ReadFile(meminfo)
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			return number(strings.TrimSuffix(strings.TrimSpace(rest), " kB")) * kilobyte
		}
	}
	return 0
}

// groupLimits reads the limit of our control group and of each one above it: the
// smallest holds. Version 1 has a hierarchy for memory alone, version 2 one for
// everything; inside a container the path may be one that only the host knows,
// and then the top is ours.
func groupLimits(root string) []uint64 {
	b, err := os.ReadFile(filepath.Join(root, "proc/self/cgroup"))
	if err != nil {
		return nil
	}
	var limits []uint64
	for line := range strings.Lines(string(b)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		var base, file string
		switch {
		case parts[0] == "0" && parts[1] == "":
			base, file = "sys/fs/cgroup", "memory.max"
		case hasController(parts[1], "memory"):
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		for group := path.Clean("/" + parts[2]); ; group = path.Dir(group) {
			if b, err := os.ReadFile(filepath.Join(root, base, group, file)); err == nil {
				limits = append(limits, number(strings.TrimSpace(string(b))))
			}
			if group == "/" {
				break
			}
		}
	}
	return limits
}

func hasController(list, name string) bool {
	for c := range strings.SplitSeq(list, ",") {
		if c == name {
			return true
		}
	}
	return false
}

// number gives 0 for anything else, such as "max".
func number(s string) uint64 {
	n, err := strconv.ParseUint(strings.TrimSpace(s), 10, 64)
	if err != nil {
		return 0
	}
	return n
}
