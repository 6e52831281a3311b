package postgres_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/platform/postgres"
)

func TestMachineSettings_followTheMemory(t *testing.T) {
	t.Parallel()
	const gigabyte = 1 << 30
	for memory, want := range map[uint64][4]string{
		0:             {"262144kB", "524288kB", "4096kB", "65536kB"}, // unknown: as one gigabyte
		32 << 20:      {"16384kB", "65536kB", "4096kB", "32768kB"},
		gigabyte:      {"262144kB", "524288kB", "4096kB", "65536kB"},
		8 * gigabyte:  {"2097152kB", "4194304kB", "8192kB", "524288kB"},
		24 * gigabyte: {"2097152kB", "12582912kB", "24576kB", "1048576kB"},
		1 << 50:       {"2097152kB", "1073741824kB", "65536kB", "1048576kB"},
	} {
		s := postgres.MachineSettings(memory)
		require.Equal(t, want, [4]string{s["shared_buffers"], s["effective_cache_size"], s["work_mem"], s["maintenance_work_mem"]}, memory)
	}
}
