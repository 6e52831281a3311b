package config

import "time"

const (
	day     = 24 * time.Hour
	century = 36_500 * day

	nameBackupDir  = "BACKUP_DIR"
	nameArchiveDir = "ARCHIVE_DIR"

	// noArchive is the folder of whoever wants no archive.
	noArchive = "none"
)

func retentionVariables() []Variable {
	return []Variable{
		// Nothing means for ever here: whoever sets 0 wants no bin, and has what was
		// deleted gone.
		{Name: "TRASH_DAYS", Default: "30",
			Description: "How long the content of a deleted document is kept. 0 removes it within the hour.",
			kind:        duration(day, 0, century, func(c *Config) *time.Duration { return &c.Retention.Trash })},
		{Name: "OPERATION_RETENTION_DAYS", Default: "90",
			Description: "How long operations that have ended are kept, but for the newest 100 of each collection, and what tells of a deleted collection.",
			kind:        duration(day, day, century, func(c *Config) *time.Duration { return &c.Retention.Operations })},
		{Name: "API_KEY_RETENTION_DAYS", Default: "90",
			Description: "How long API keys are listed that have expired or were revoked.",
			kind:        duration(day, day, century, func(c *Config) *time.Duration { return &c.Retention.APIKeys })},
		{Name: nameArchiveDir, DefaultText: "archive in SEMANTIK_DATA",
			Description: "Folder of the files that operations and months of the audit log are written to before they are dropped. Nothing is removed from it. none archives nothing.",
			kind:        text("a folder, or none", func(c *Config) *string { return &c.Store.ArchiveDir }, validPath)},
		{Name: nameBackupDir, DefaultText: "backups in SEMANTIK_DATA",
			Description: "Folder that backups are written to and looked for in, where no other path is named. Better on another disk.",
			kind:        text("a folder", func(c *Config) *string { return &c.Store.BackupDir }, validPath)},
	}
}
