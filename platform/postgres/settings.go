package postgres

import (
	"context"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

const (
	kilobyte = 1 << 10
	megabyte = 1 << 20
	gigabyte = 1 << 30
)

// defaultPort is part of the socket's name. Nothing listens on TCP.
const defaultPort = "5432"

// MachineSettings are the settings for a machine with so much memory, in bytes,
// as PostgreSQL spells them. An amount of zero stands for unknown and is taken
// as one gigabyte.
func MachineSettings(memory uint64) map[string]string {
	if memory == 0 {
		memory = gigabyte
	}
	size := func(wanted, least, most uint64) string {
		return strconv.FormatUint(min(max(wanted, least), most)/kilobyte, 10) + "kB"
	}
	return map[string]string{
		"shared_buffers":       size(memory/4, 16*megabyte, 2*gigabyte),
		"effective_cache_size": size(memory/2, 64*megabyte, 1<<40),
		// A query may use it several times over, and there may be 200 queries.
		"work_mem":             size(memory/1024, 4*megabyte, 64*megabyte),
		"maintenance_work_mem": size(memory/16, 32*megabyte, gigabyte),

		"max_connections":           "200",
		"max_locks_per_transaction": "256", // a plan over all partitions locks each of them and its indexes
		"random_page_cost":          "1.1", // disks without a head to move
		"max_wal_size":              "2GB", // fewer checkpoints while much is loaded
		"wal_compression":           "on",
		"autovacuum":                "on",
		"password_encryption":       "scram-sha-256",
		"listen_addresses":          "",
		"port":                      defaultPort,
		"unix_socket_permissions":   "0700",
		"log_destination":           "stderr",
		"log_line_prefix":           "%m [%p] ",
		"log_timezone":              "UTC",
		"timezone":                  "UTC",
	}
}

// EphemeralSettings are laid over [MachineSettings] for a server that writes
// faster because it may lose data: the last second's when it is killed,
// everything when the machine stops. For tests.
func EphemeralSettings() map[string]string {
	return map[string]string{
		"fsync":              "off",
		"synchronous_commit": "off",
		"full_page_writes":   "off",
		"wal_level":          "minimal",
		"max_wal_senders":    "0",
		"max_connections":    "400",
		"shared_buffers":     "256MB",
	}
}

// fixedSettings are those that this package relies on to find the server again
// and to read its log.
func fixedSettings() []string {
	return []string{
		"cluster_name", "config_file", "data_directory", "external_pid_file", "hba_file", "ident_file",
		"log_destination", "logging_collector", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions",
	}
}

// settings brings together what the machine, the purpose and the user say, the
// user last.
func settings(ctx context.Context, o Options, b Binaries, memory uint64) (map[string]string, error) {
	all := MachineSettings(memory)
	if b.hasLibrary(ctx, "pg_stat_statements") {
		all["shared_preload_libraries"] = "pg_stat_statements"
	}
	if o.Ephemeral {
		maps.Copy(all, EphemeralSettings())
	}
	name := regexp.MustCompile(`^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)*$`)
	for given, value := range o.Settings {
		key := strings.ToLower(strings.TrimSpace(given))
		switch {
		case !name.MatchString(key):
			return nil, ErrSetting.WithMessagef("%q is not the name of a PostgreSQL setting.", given)
		case slices.Contains(fixedSettings(), key):
			return nil, ErrSetting.WithMessagef("The PostgreSQL setting %s cannot be changed: Semantik relies on its own value.", key)
		case strings.ContainsRune(value, 0):
			return nil, ErrSetting.WithMessagef("The value of the PostgreSQL setting %s holds a zero byte.", key)
		}
		all[key] = value
	}
	if port, err := strconv.ParseUint(all["port"], 10, 16); err != nil || port == 0 {
		return nil, ErrSetting.WithMessagef("The PostgreSQL setting port is %q, and must be a number from 1 to 65535.", all["port"])
	}
	return all, nil
}

// renderSettings gives the text of a configuration file, in a fixed order.
func renderSettings(all map[string]string) string {
	var b strings.Builder
	b.WriteString("# Written by Semantik at each start; what you change here is lost.\n" +
		"# Use Semantik's own configuration, or ALTER SYSTEM, which is read after this.\n")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(&b, "%s = %s\n", name, quoteSetting(all[name]))
	}
	return b.String()
}

// quoteSetting writes a value so that PostgreSQL reads the same bytes back.
func quoteSetting(value string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `''`, "\n", `\n`, "\r", `\r`).Replace(value) + "'"
}

// quoteFolder writes one entry of a list of folders, where a comma separates.
func quoteFolder(dir string) string {
	return `"` + strings.ReplaceAll(dir, `"`, `""`) + `"`
}
