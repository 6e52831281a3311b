package postgres

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMachineMemory_heedsControlGroups(t *testing.T) {
	t.Parallel()
	const total = "MemTotal:       16000000 kB\nMemFree: 1 kB\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  uint64
	}{
		"no groups": {map[string]string{"proc/meminfo": total}, 16000000 << 10},
		"nothing":   {nil, 0},
		"version 2, limited above our own group": {map[string]string{
			"proc/meminfo": total, "proc/self/cgroup": "0::/system.slice/semantik.service\n",
			"sys/fs/cgroup/system.slice/semantik.service/memory.max": "max\n",
			"sys/fs/cgroup/system.slice/memory.max":                  "1073741824\n",
		}, 1 << 30},
		"version 2, in a container": {map[string]string{
			"proc/meminfo": total, "proc/self/cgroup": "0::/../../docker/abc\n", "sys/fs/cgroup/memory.max": "536870912\n",
		}, 512 << 20},
		"version 1": {map[string]string{
			"proc/meminfo": total, "proc/self/cgroup": "12:cpu,cpuacct:/x\n9:memory:/docker/abc\n1:name=systemd:/x\n",
			"sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes": "2147483648\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes":            "9223372036854771712\n",
		}, 2 << 30},
		"a limit beyond what there is": {map[string]string{
			"proc/meminfo": total, "proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999999\n",
		}, 16000000 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := t.TempDir()
			for path, content := range c.files {
				path = filepath.Join(root, path)
				require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
				require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
			}
			require.Equal(t, c.want, memoryUnder(root))
		})
	}
	require.Positive(t, machineMemory())
}
