//go:build !linux && !darwin

package postgres

// machineMemory is unknown here.
func machineMemory() uint64 { return 0 }
