package config

import (
	"os"
	"path/filepath"

	"github.com/adrg/xdg"
)

// DefaultDataDir is where data goes when SEMANTIK_DATA is not set:
// /var/lib/semantik for root, whose home is closed to the unprivileged user that
// PostgreSQL must run as; for anyone else the platform's folder for a user's
// data, such as ~/.local/share/semantik.
func DefaultDataDir() string {
	if os.Geteuid() == 0 {
		return "/var/lib/semantik"
	}
	return filepath.Join(xdg.DataHome, "semantik")
}
