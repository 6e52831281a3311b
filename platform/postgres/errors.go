package postgres

import "semantik/platform/apperr"

// What can stand in the way of a server. The messages are completed where the
// error is made; callers compare with errors.Is.
var (
	// ErrNoBinaries: no PostgreSQL of version 15 or newer could be had. The
	// message lists what was tried and the ways out.
	ErrNoBinaries = apperr.New(apperr.Unavailable, "postgres_binaries_missing",
		"No PostgreSQL was found, and none could be fetched.")
	// ErrUnusableBinaries: the folder that was named has no PostgreSQL that can
	// be used.
	ErrUnusableBinaries = apperr.New(apperr.Unavailable, "postgres_binaries_unusable",
		"The PostgreSQL in that folder cannot be used.")
	// ErrVersionMismatch: the data directory was made by a major version that
	// cannot be had. Nothing was changed.
	ErrVersionMismatch = apperr.New(apperr.Conflict, "postgres_version_mismatch",
		"The data directory was made by another major version of PostgreSQL.")
	// ErrInUse: another live process of ours holds the data directory.
	ErrInUse = apperr.New(apperr.Conflict, "data_directory_in_use",
		"The data directory is in use by another Semantik.")
	// ErrForeignServer: somebody started PostgreSQL on the data directory by hand.
	ErrForeignServer = apperr.New(apperr.Conflict, "data_directory_in_use_by_postgres",
		"A PostgreSQL that Semantik did not start is running on the data directory.")
	// ErrDataDirectory: the data directory cannot be used as it is: closed to the
	// account that the server runs as, or holding something else.
	ErrDataDirectory = apperr.New(apperr.Conflict, "data_directory_unusable",
		"The data directory cannot be used.")
	// ErrSetting: a setting cannot be overridden, or has no valid name.
	ErrSetting = apperr.New(apperr.Invalid, "postgres_setting_invalid",
		"A PostgreSQL setting is not valid.")
	// ErrStart: the server ended, or never answered, while it was started. The
	// message carries the last lines of its log.
	ErrStart = apperr.New(apperr.Unavailable, "postgres_start_failed",
		"PostgreSQL did not start.")
	// ErrEnded: the server ended by itself while it was in use.
	ErrEnded = apperr.New(apperr.Unavailable, "postgres_ended",
		"PostgreSQL ended by itself.")
	// ErrUncleanStop: the server is stopped, but had no time for it and will
	// recover at its next start. Nothing that was committed is lost.
	ErrUncleanStop = apperr.New(apperr.Unavailable, "postgres_stopped_at_once",
		"PostgreSQL had to be ended at once; nothing is lost, and its next start will take longer.")
	// ErrNotRunning: no server that is ready runs on the data directory.
	ErrNotRunning = apperr.New(apperr.Unavailable, "postgres_not_running",
		"No PostgreSQL of Semantik is running on the data directory.")
)
