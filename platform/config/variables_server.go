package config

import (
	"fmt"
	"time"
)

func httpVariables() []Variable {
	return []Variable{
		{Name: "HTTP_ADDR", Default: "127.0.0.1:8080",
			Description: "Address to listen on. 0.0.0.0:8080 listens on every interface.",
			kind:        text("host:port with a port from 0 to 65535", func(c *Config) *string { return &c.HTTP.Addr }, validAddr)},
		{Name: "PPROF_ADDR", DefaultText: "none",
			Description: "Address on this machine where Go's profiles of the program are served, such as 127.0.0.1:6060. Without one they are not.",
			kind:        text("host:port of this machine alone, 127.0.0.1:6060 say", func(c *Config) *string { return &c.HTTP.ProfileAddr }, validLocalAddr)},
		{Name: "WORKER_ADDR", DefaultText: "none",
			Description: "Address where a process of semantik worker answers /metrics and the probes of /api/health, such as 127.0.0.1:9090, and nothing else. Without one it answers nothing. A server answers them at HTTP_ADDR.",
			kind:        text("host:port with a port from 0 to 65535", func(c *Config) *string { return &c.HTTP.WorkerAddr }, validAddr)},
		{Name: "CORS_ORIGINS",
			Description: "Web origins that may call the API from a browser, separated by commas.",
			kind:        origins()},
		{Name: "WEBSOCKET_MAX_PER_USER", Default: "10",
			Description: "WebSockets that one user may have open.",
			kind:        integer(1, 10_000, func(c *Config) *int { return &c.HTTP.SocketsPerUser })},
		{Name: "WEBSOCKET_MAX_TOTAL", Default: "10000",
			Description: "WebSockets that this process holds open. Each is a file to the system, whose limit (ulimit -n) has to be higher.",
			kind:        integer(1, 1_000_000, func(c *Config) *int { return &c.HTTP.Sockets })},
		{Name: "WEBSOCKET_PING_SECONDS", Default: "30",
			Description: "Time between two signs of life on a WebSocket; shorter than what a proxy in between takes for idle.",
			kind:        duration(time.Second, 10*time.Millisecond, time.Hour, func(c *Config) *time.Duration { return &c.HTTP.SocketPing })},
		{Name: "SHUTDOWN_TIMEOUT", Default: "3",
			Description: "How long requests that have begun may take to finish when the server is told to stop.",
			kind:        duration(time.Second, time.Millisecond, time.Hour, func(c *Config) *time.Duration { return &c.HTTP.ShutdownTimeout })},
	}
}

func authVariables() []Variable {
	return []Variable{
		{Name: nameJWTSecretKey, Secret: true, DefaultText: "generated and kept in SEMANTIK_DATA",
			Description: "Key that signs tokens, at least 32 bytes. Several, separated by commas, for a change of keys: the first signs, all verify.",
			kind:        signingKeys()},
		{Name: "ACCESS_TOKEN_EXPIRE_MINUTES", Default: "30",
			Description: "Life of an access token.",
			kind:        duration(time.Minute, time.Minute, 365*24*time.Hour, func(c *Config) *time.Duration { return &c.Auth.AccessTTL })},
		{Name: "REFRESH_TOKEN_EXPIRE_DAYS", Default: "30",
			Description: "Life of a refresh token.",
			kind:        duration(24*time.Hour, time.Minute, 3650*24*time.Hour, func(c *Config) *time.Duration { return &c.Auth.RefreshTTL })},
		{Name: "BCRYPT_COST", Default: "12",
			Description: "Work that a password costs to check; each step doubles it.",
			kind:        integer(4, 20, func(c *Config) *int { return &c.Auth.BcryptCost })},
		{Name: "ALLOW_REGISTRATION", Default: "true",
			Description: "Let anyone who reaches the server register. The first user can register in any case.",
			kind:        boolean(func(c *Config) *bool { return &c.Auth.AllowRegistration })},
		{Name: "SEMANTIK_ADMIN_USER", Default: "admin",
			Description: "Name of the first superuser, made when there is no user.",
			kind:        text("3 to 64 letters, digits and underscores", func(c *Config) *string { return &c.Auth.AdminUser }, validUsername)},
		{Name: "SEMANTIK_ADMIN_PASSWORD", Secret: true, DefaultText: "generated, printed once",
			Description: "Password of the first superuser. One of those that are tried first is refused.",
			kind:        text("at least 8 characters", func(c *Config) *string { return &c.Auth.AdminPassword }, validPassword)},
		{Name: "INTERNAL_API_KEY", Secret: true,
			Description: "Key that lets a monitor read the health of the partitions, in the header X-Internal-Api-Key, without an account. Without one there is no such way in.",
			kind: text(fmt.Sprintf("at least %d characters, of those that a header may have: letters, digits and signs of ASCII, no spaces", MinKeyBytes),
				func(c *Config) *string { return &c.Auth.InternalKey }, validInternalKey)},
	}
}

func watchVariables() []Variable {
	return []Variable{
		{Name: "METRICS_TOKEN", Secret: true,
			Description: "Bearer token that lets a collector of metrics read /metrics without an account, and nothing else. Without one that is for superusers alone.",
			kind: text(fmt.Sprintf("at least %d characters, of those that a header may have: letters, digits and signs of ASCII, no spaces", MinKeyBytes),
				func(c *Config) *string { return &c.Watch.MetricsToken }, validInternalKey)},
		{Name: "SLOW_QUERY_MS", Default: "1000",
			Description: "Statements that take at least this long are remembered as slow; 0 remembers none.",
			kind:        duration(time.Millisecond, 0, time.Hour, func(c *Config) *time.Duration { return &c.Watch.SlowQuery })},
		{Name: "OTEL_EXPORTER_OTLP_ENDPOINT", DefaultText: "none",
			Description: "Where traces are sent to by OTLP over HTTP, such as http://localhost:4318. Without one none are made. The further OTEL_ variables of OpenTelemetry count too, such as OTEL_EXPORTER_OTLP_HEADERS and OTEL_TRACES_SAMPLER.",
			kind:        text("an address that begins with http:// or https://", func(c *Config) *string { return &c.Watch.TraceEndpoint }, validWebAddress)},
	}
}

func limitVariables() []Variable {
	return []Variable{
		{Name: "MAX_UPLOAD_BYTES", Default: "100MiB",
			Description: "Largest file that may be uploaded.",
			kind:        size(1, 1<<40, func(c *Config) *int64 { return &c.Limits.UploadBytes })},
		{Name: "MAX_BODY_BYTES", Default: "1MiB",
			Description: "Largest JSON body of an ordinary request.",
			kind:        size(1<<10, 1<<30, func(c *Config) *int64 { return &c.Limits.BodyBytes })},
		{Name: "MAX_CHUNK_CHARACTERS", Default: "1000000",
			Description: "Most characters of one chunk's content.",
			kind:        integer(1, 10_000_000, func(c *Config) *int { return &c.Limits.ChunkCharacters })},
		{Name: "SEARCH_TIMEOUT", Default: "10",
			Description: "Longest run of a search in all its collections; one that has not been searched by then is named in the answer.",
			kind:        duration(time.Second, 100*time.Millisecond, time.Hour, func(c *Config) *time.Duration { return &c.Limits.SearchTimeout })},
		{Name: "BULK_LOAD_TIMEOUT", Default: "600",
			Description: "Longest run of one load of chunks, or of the vectors of chunks, from its first byte to its commit.",
			kind:        duration(time.Second, time.Second, 24*time.Hour, func(c *Config) *time.Duration { return &c.Limits.LoadTimeout })},
		{Name: "MAX_JSON_BATCH_ROWS", Default: "10000",
			Description: "Most rows of a JSON batch; a stream of lines has no such limit.",
			kind:        integer(1, 1_000_000, func(c *Config) *int { return &c.Limits.BatchRows })},
	}
}

func operationVariables() []Variable {
	return []Variable{
		{Name: "WORKER_CONCURRENCY", Default: "2",
			Description: "Operations that this process works on at once. 0 leaves all work, that by the clock too, to other processes on the same database, such as semantik worker.",
			kind:        integer(0, 256, func(c *Config) *int { return &c.Operations.Concurrency })},
		{Name: "OPERATION_MAX_ATTEMPTS", Default: "3",
			Description: "Attempts without progress after which an operation fails: those whose worker was lost, or that ended with an error that nobody knows.",
			kind:        integer(1, 100, func(c *Config) *int { return &c.Operations.MaxAttempts })},
		{Name: "OPERATION_LEASE_SECONDS", Default: "20",
			Description: "How long a worker that has gone silent keeps its operation before another takes it over.",
			kind:        duration(time.Second, time.Second, time.Hour, func(c *Config) *time.Duration { return &c.Operations.Lease })},
		{Name: "OPERATION_SLICE_SECONDS", Default: "3",
			Description: "How long an operation is worked on before others that wait have their turn.",
			kind:        duration(time.Second, 10*time.Millisecond, time.Hour, func(c *Config) *time.Duration { return &c.Operations.Slice })},
		{Name: "OPERATION_LIMIT_PER_USER", Default: "4",
			Description: "Operations of one user that are worked on at once, by all processes. Deletions do not count. 0 sets no limit.",
			kind:        integer(0, 10_000, func(c *Config) *int { return &c.Operations.LimitPerUser })},
		{Name: "OPERATION_LIMIT", Default: "0",
			Description: "Operations that are worked on at once, by all processes. Deletions do not count. 0 sets no limit but that of the workers.",
			kind:        integer(0, 10_000, func(c *Config) *int { return &c.Operations.Limit })},
		{Name: "PURGE_ROWS", Default: "5000",
			Description: "Rows of a deleted collection that are purged in one transaction.",
			kind:        integer(1, 1_000_000, func(c *Config) *int { return &c.Operations.PurgeRows })},
		{Name: "PURGE_PAUSE", Default: "0.01",
			Description: "Pause between two of these transactions; a longer one leaves more of the database to others.",
			kind:        duration(time.Second, 0, time.Minute, func(c *Config) *time.Duration { return &c.Operations.PurgePause })},
	}
}

func auditVariables() []Variable {
	return []Variable{
		// Two years show an audit the year before, and names and addresses of people
		// are not kept for ever unless somebody wants it.
		{Name: "AUDIT_RETENTION_MONTHS", Default: "24",
			Description: "How long entries of the audit log are kept; then they go a whole month at a time. 0 keeps them for ever.",
			kind:        integer(0, 1200, func(c *Config) *int { return &c.Audit.RetentionMonths })},
	}
}

func logVariables() []Variable {
	return []Variable{
		{Name: "LOG_LEVEL", Default: "info",
			Description: "Least important message that is logged.",
			kind:        logLevel()},
		{Name: "LOG_FORMAT", Default: "text",
			Description: "Form of the log.",
			kind:        choice(func(c *Config) *string { return &c.Log.Format }, "text", "json")},
	}
}
