package config

import "time"

const nameDatabaseURL = "DATABASE_URL"

func databaseVariables() []Variable {
	return []Variable{
		{Name: nameDatabaseURL,
			Description: "The PostgreSQL to use. When neither this nor a POSTGRES_ variable is set, Semantik brings its own. As a flag it shows in the list of processes, password included.",
			kind:        databaseURL()},
		{Name: "POSTGRES_HOST",
			Description: "Host, address or socket folder of the PostgreSQL to use; \"localhost\" when only other POSTGRES_ variables are set.",
			kind:        text("a host name, an address or a folder", func(c *Config) *string { return &c.Database.Host }, validHost)},
		{Name: "POSTGRES_PORT", DefaultText: "5432",
			Description: "Port of the PostgreSQL to use.",
			kind:        integer(1, 65535, func(c *Config) *int { return &c.Database.Port })},
		{Name: "POSTGRES_DB", DefaultText: "semantik",
			Description: "Database to use.",
			kind:        text("a database name", func(c *Config) *string { return &c.Database.Name }, nil)},
		{Name: "POSTGRES_USER", DefaultText: "semantik",
			Description: "Role to connect as.",
			kind:        text("a role name", func(c *Config) *string { return &c.Database.User }, nil)},
		{Name: "POSTGRES_PASSWORD", Secret: true,
			Description: "Password of that role.",
			kind:        text("any text", func(c *Config) *string { return &c.Database.Password }, nil)},
		{Name: "DB_POOL_SIZE", Default: "20",
			Description: "Database connections that are kept.",
			kind:        integer(1, 1000, func(c *Config) *int { return &c.Database.PoolSize })},
		{Name: "DB_MAX_OVERFLOW", Default: "40",
			Description: "Connections that may be opened on top of DB_POOL_SIZE under load.",
			kind:        integer(0, 1000, func(c *Config) *int { return &c.Database.MaxOverflow })},
		{Name: "DB_POOL_TIMEOUT", Default: "30",
			Description: "Longest wait for a free connection; after it the caller is told to come back.",
			kind:        duration(time.Second, time.Millisecond, time.Hour, func(c *Config) *time.Duration { return &c.Database.PoolTimeout })},
		{Name: "DB_POOL_RECYCLE", Default: "3600",
			Description: "Age at which a connection is replaced.",
			kind:        duration(time.Second, time.Second, 7*24*time.Hour, func(c *Config) *time.Duration { return &c.Database.PoolRecycle })},
		{Name: "DB_POOL_PRE_PING", Default: "true",
			Description: "Test a connection that was idle before it is used.",
			kind:        boolean(func(c *Config) *bool { return &c.Database.PoolPrePing })},
		{Name: "DB_QUERY_TIMEOUT", Default: "30",
			Description: "Longest run of a statement (statement_timeout); 0 for no limit.",
			kind:        duration(time.Second, 0, 24*time.Hour, func(c *Config) *time.Duration { return &c.Database.QueryTimeout })},
		{Name: "DB_ECHO", Default: "false",
			Description: "Log each statement with its time and row count, its values masked.",
			kind:        boolean(func(c *Config) *bool { return &c.Database.Echo })},
		{Name: "DB_ECHO_POOL", Default: "false",
			Description: "Log each time a connection is taken, waited for and given back.",
			kind:        boolean(func(c *Config) *bool { return &c.Database.EchoPool })},
		{Name: "DB_RETRY_LIMIT", Default: "3",
			Description: "How often a transaction that lost a race, a lock or its connection is tried again.",
			kind:        integer(0, 20, func(c *Config) *int { return &c.Database.RetryLimit })},
		{Name: "DB_RETRY_INTERVAL", Default: "0.5",
			Description: "Base of the growing pause between two tries.",
			kind:        duration(time.Second, 0, time.Minute, func(c *Config) *time.Duration { return &c.Database.RetryInterval })},
		{Name: "CHUNK_PARTITION_COUNT", Default: "100",
			Description: "Partitions of the chunk table. Used when the schema is first applied; afterwards it must equal what the database has.",
			kind:        integer(1, 1000, func(c *Config) *int { return &c.Database.PartitionCount })},
	}
}

func storeVariables() []Variable {
	return []Variable{
		{Name: "SEMANTIK_DATA", DefaultText: "/var/lib/semantik for root, else the platform's folder for a user's data",
			Description: "Folder for the embedded database, uploaded files and generated secrets.",
			kind:        text("a folder", func(c *Config) *string { return &c.Store.DataDir }, validPath)},
		{Name: "SEMANTIK_POSTGRES_BIN", DefaultText: "looked for, then downloaded",
			Description: "Folder with the PostgreSQL programs (initdb, pg_ctl, postgres) for the embedded database.",
			kind:        text("a folder", func(c *Config) *string { return &c.Store.PostgresBin }, validPath)},
		{Name: "SEMANTIK_POSTGRES_SETTINGS",
			Description: "Settings of the embedded PostgreSQL that replace those chosen for this machine, such as shared_buffers=1GB,work_mem=64MB. A value that holds a comma stands in single quotes.",
			kind:        postgresSettings()},
	}
}
