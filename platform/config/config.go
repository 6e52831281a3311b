package config

import (
	"log/slog"
	"net/netip"
	"time"
)

// Config is what [Load] returns: every setting, typed and within its bounds.
// It is read-only after that.
type Config struct {
	Database   Database
	Auth       Auth
	HTTP       HTTP
	Watch      Watch
	Log        Log
	Store      Store
	Sources    Sources
	Limits     Limits
	RateLimits RateLimits
	Operations Operations
	Audit      Audit
	Retention  Retention

	settings    []Setting
	databaseURL string
	warnings    []string
}

// Database says how to reach PostgreSQL and how to behave towards it.
type Database struct {
	// URL is DATABASE_URL as given, "" when it is not. Use
	// [Config.DatabaseURL] to connect.
	URL string
	// Host, Port, Name, User and Password are the POSTGRES_* variables; "" and 0
	// when they are not given.
	Host     string
	Port     int
	Name     string
	User     string
	Password string

	PoolSize      int           // connections that are kept
	MaxOverflow   int           // connections on top of PoolSize under load
	PoolTimeout   time.Duration // longest wait for a connection
	PoolRecycle   time.Duration // age at which a connection is replaced
	PoolPrePing   bool          // test an idle connection before it is used
	QueryTimeout  time.Duration // statement_timeout; 0 means none
	Echo          bool          // log each statement
	EchoPool      bool          // log acquire, release and wait
	RetryLimit    int           // how often a transaction is tried again
	RetryInterval time.Duration // base of the back-off between two tries

	// PartitionCount is the number of partitions made when the schema is first
	// applied.
	PartitionCount int
}

// Auth holds the settings of tokens and passwords.
type Auth struct {
	// Keys sign tokens: the first signs, all verify. Empty when none is given;
	// then one is made and kept (see [LoadOrCreateSecret]).
	Keys              []string
	AccessTTL         time.Duration
	RefreshTTL        time.Duration
	BcryptCost        int
	AllowRegistration bool
	// AdminUser and AdminPassword are for the first superuser; an empty password
	// means that one is generated.
	AdminUser     string
	AdminPassword string
	// InternalKey is what monitors show; "" when there is none.
	InternalKey string
}

// HTTP holds the settings of the server.
type HTTP struct {
	Addr            string   // host:port
	ProfileAddr     string   // host:port on loopback; "" for none
	WorkerAddr      string   // host:port of a worker's probes; "" for none
	CORSOrigins     []string // scheme://host[:port], in lower case
	ShutdownTimeout time.Duration
	SocketsPerUser  int           // WebSockets that one user may have open
	Sockets         int           // WebSockets that there may be
	SocketPing      time.Duration // between two signs of life
	// TrustedProxies are believed about whom they speak for.
	TrustedProxies []netip.Prefix
}

// Watch says what can be seen of the program from outside.
type Watch struct {
	// MetricsToken opens /metrics; "" when there is none.
	MetricsToken string
	// SlowQuery is from when on a statement is slow; 0 for never.
	SlowQuery time.Duration
	// TraceEndpoint is where traces are sent to; "" for nowhere.
	TraceEndpoint string
}

// Log says how much is logged, and in which form.
type Log struct {
	Level  slog.Level
	Format string // "text" or "json"
}

// Store says where data lives and which PostgreSQL serves it when no database
// is given.
type Store struct {
	// DataDir is absolute. It need not exist.
	DataDir string
	// BackupDir is the absolute path of the folder that backups are kept in. It need not
	// exist.
	BackupDir string
	// ArchiveDir is the absolute path of the folder that dropped rows are archived in,
	// which need not exist; "" archives nothing.
	ArchiveDir string
	// PostgresBin is the folder with initdb, pg_ctl and postgres; "" means that
	// they are looked for.
	PostgresBin string
	// PostgresSettings override the settings that the embedded server is
	// started with; never nil.
	PostgresSettings map[string]string
}

// Sources says what the server may read by itself.
type Sources struct {
	// DocumentRoots are absolute paths of folders; empty for none.
	DocumentRoots []string
}

// Limits bound what one request may bring.
type Limits struct {
	UploadBytes     int64 // one uploaded file
	BodyBytes       int64 // one JSON body
	ChunkCharacters int   // characters of one chunk's content
	BatchRows       int   // rows of a JSON batch
	SearchTimeout   time.Duration
	LoadTimeout     time.Duration // one load of chunks
}

// Operations holds the settings of the background workers.
type Operations struct {
	Concurrency  int           // operations that this process works on at once; 0 for none
	MaxAttempts  int           // attempts without progress until an operation fails
	Lease        time.Duration // how long a silent worker keeps an operation
	Slice        time.Duration // how long an operation goes on while others wait
	LimitPerUser int           // operations of one user that are worked on at once; 0 for no limit
	Limit        int           // operations that are worked on at once by all processes; 0 for no limit
	PurgeRows    int           // rows of a deleted collection that one transaction deletes
	PurgePause   time.Duration // time between two of these transactions
}

// Audit holds the settings of the audit log.
type Audit struct {
	RetentionMonths int // how long an entry is kept at least; 0 for ever
}

// Retention says how long is kept what nobody needs any more.
type Retention struct {
	Trash      time.Duration // a deleted document; 0 until the next look, within the hour
	Operations time.Duration // an operation that has ended, and a deleted collection's row
	APIKeys    time.Duration // an API key that has expired or was revoked
}

// DatabaseURL is the address of the given PostgreSQL in the form that pgx
// reads, from DATABASE_URL or the POSTGRES_* variables. "" means that none is
// given and the embedded server is to be used. It may hold a password: log
// [RedactURL] of it.
func (c *Config) DatabaseURL() string { return c.databaseURL }

// Warnings lists what is legal and probably not meant, a sentence each, without
// secrets.
func (c *Config) Warnings() []string { return c.warnings }

// Settings gives every variable with its value and where it came from, in the
// order of [Variables].
func (c *Config) Settings() []Setting { return c.settings }
