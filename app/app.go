package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"semantik/modules/chunks"
	"semantik/modules/chunks/partitions"
	"semantik/modules/collections"
	"semantik/modules/collections/connectors"
	"semantik/modules/collections/connectors/directory"
	"semantik/modules/collections/preview"
	"semantik/modules/documents"
	"semantik/modules/documents/extract"
	"semantik/modules/operations"
	"semantik/modules/operations/doctor"
	"semantik/modules/users"
	"semantik/platform/activity"
	"semantik/platform/archive"
	"semantik/platform/audit"
	"semantik/platform/auth"
	"semantik/platform/config"
	"semantik/platform/database"
	"semantik/platform/events"
	"semantik/platform/idempotency"
	"semantik/platform/jobs"
	"semantik/platform/metrics"
	"semantik/platform/ratelimit"
	"semantik/platform/schedule"
	"semantik/platform/schemawatch"
	"semantik/platform/sockets"
	"semantik/platform/statements"
	"semantik/platform/system"
	"semantik/platform/tracing"
	"semantik/platform/web"
	"semantik/schema"
)

// App is the program: every piece, joined.
type App struct {
	DB          *database.DB
	Queue       *jobs.Queue
	Audit       *audit.Log
	AuditKeeper *audit.Keeper
	Idempotency *idempotency.Keeper
	Server      *web.Server
	Users       *users.Service
	KeyUses     *users.KeyUses
	Collections *collections.Service
	Documents   *documents.Service
	Chunks      *chunks.Service
	Indexer     *chunks.Indexer
	Partitions  *partitions.Service
	Analyzer    *partitions.Analyzer
	Operations  *operations.Service
	Worker      *operations.Worker
	Schedule    *schedule.Schedule
	Doctor      *doctor.Doctor
	Events      *events.Bus
	Sockets     *sockets.Hub
	SchemaWatch *schemawatch.Watch
	Schema      *schema.Manager

	// Metrics has the figures of this program.
	Metrics *metrics.Registry
	// Statements watches the statements of the program.
	Statements *statements.Watcher
	// Tracer makes spans; nil where there is nowhere to send them.
	Tracer *tracing.Tracer

	limiter ratelimit.Limiter
	starter *operations.Starter
	figures *metrics.Figures
}

// Options are what a caller decides besides the configuration.
type Options struct {
	// DatabaseURL is the database to use; the configuration's if empty.
	DatabaseURL string
	// Version of the program.
	Version string
	// Logger is slog.Default() when nil.
	Logger *slog.Logger
	// Database changes how the database is reached; for tests.
	Database func(*database.Config)
	// Quick starts and stops the queue without pauses, and leaves scheduled tasks until
	// somebody asks for one; for tests.
	Quick bool
}

// Build connects to the database, brings its schema up to date and joins the
// pieces. Nothing works or listens yet; [App.Close] ends what it has opened.
func Build(ctx context.Context, c *config.Config, o Options) (*App, error) {
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	a := &App{limiter: ratelimit.NewMemory(ratelimit.DefaultKeys, time.Now)}
	if err := a.beginWatching(ctx, c, o); err != nil {
		return nil, err
	}
	db, err := database.Open(ctx, a.databaseConfig(c, o))
	if err != nil {
		_ = a.Tracer.Close() // that there is no database is what there is to say
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	a.DB, a.Audit = db, audit.New(db)
	a.Idempotency = idempotency.New(db, idempotency.Config{Logger: o.Logger})
	a.AuditKeeper = audit.NewKeeper(a.Audit, audit.KeeperConfig{RetentionMonths: c.Audit.RetentionMonths, Archive: archive.New(c.Store.ArchiveDir), Logger: o.Logger})
	if err := a.join(ctx, c, o); err != nil {
		a.Close()
		return nil, err
	}
	return a, nil
}

func (a *App) databaseConfig(c *config.Config, o Options) database.Config {
	dc := database.Config{
		URL:           c.DatabaseURL(),
		MaxConns:      c.Database.PoolSize + c.Database.MaxOverflow,
		ListenerConns: 1,
		PoolTimeout:   c.Database.PoolTimeout,
		Recycle:       c.Database.PoolRecycle,
		PrePing:       c.Database.PoolPrePing,
		QueryTimeout:  c.Database.QueryTimeout,
		RetryLimit:    c.Database.RetryLimit,
		RetryInterval: c.Database.RetryInterval,
		Echo:          c.Database.Echo,
		EchoPool:      c.Database.EchoPool,
		Logger:        o.Logger,
		Watch:         a.Statements,
		Constraints: []database.Constraints{
			audit.Constraints, users.Constraints, collections.Constraints, documents.Constraints, chunks.Constraints, operations.Constraints,
			idempotency.Constraints, schedule.Constraints,
		},
	}
	if o.DatabaseURL != "" {
		dc.URL = o.DatabaseURL
	}
	if o.Database != nil {
		o.Database(&dc)
	}
	return dc
}

func (a *App) join(ctx context.Context, c *config.Config, o Options) error {
	a.Schema = schema.New(a.DB.Pool(), schema.Options{
		PartitionCount: c.Database.PartitionCount, QueueSchema: jobs.Schema, Version: o.Version, Logger: o.Logger,
	})
	if _, err := a.Schema.Apply(ctx, schema.ApplyOptions{SkipIfCurrent: true}); err != nil {
		return fmt.Errorf("bringing the schema up to date: %w", err)
	}
	a.SchemaWatch = schemawatch.New(a.DB, a.Schema, o.Logger)
	if err := a.DB.ReadConstraintNames(ctx); err != nil {
		return err
	}
	a.watchDatabase(c, o)
	var err error
	a.Queue, err = jobs.New(a.DB, jobs.Config{
		Concurrency: c.Operations.Concurrency, StopTimeout: c.HTTP.ShutdownTimeout, Logger: saySeldom(o.Logger), Quick: o.Quick,
	})
	if err != nil {
		return err
	}
	if err := a.joinUsers(c, o); err != nil {
		return err
	}
	if err := a.joinModules(c, o); err != nil {
		return err
	}
	a.joinSockets(c, o) //nolint:contextcheck // a handshake brings its own
	if err := a.joinSchedule(c, o); err != nil {
		return err
	}
	a.joinDoctor(c, o)
	return nil
}

func (a *App) joinUsers(c *config.Config, o Options) error {
	keys := c.Auth.Keys
	if len(keys) == 0 {
		if err := os.MkdirAll(c.Store.DataDir, 0o755); err != nil { //nolint:gosec // passed through by the server's account
			return fmt.Errorf("making the data directory: %w", err)
		}
		key, err := config.LoadOrCreateSecret(filepath.Join(c.Store.DataDir, "jwt.key"))
		if err != nil {
			return fmt.Errorf("reading the key that signs tokens: %w", err)
		}
		keys = []string{key}
	}
	tokens, err := auth.NewTokens(keys, time.Now, c.Auth.AccessTTL, c.Auth.RefreshTTL)
	if err != nil {
		return fmt.Errorf("preparing the tokens: %w", err)
	}
	hasher, err := auth.NewHasher(c.Auth.BcryptCost)
	if err != nil {
		return fmt.Errorf("preparing the password hashes: %w", err)
	}
	rows := users.NewRepository(a.DB)
	a.KeyUses = users.NewKeyUses(rows, o.Logger)
	a.Users = users.NewService(a.DB, rows, hasher, tokens, a.Audit, a.KeyUses, users.Config{
		AllowRegistration: c.Auth.AllowRegistration, Guard: loginGuard(c.RateLimits, a.limiter),
	})
	return nil
}

func (a *App) joinModules(c *config.Config, o Options) error {
	if err := os.MkdirAll(spoolDir(c), 0o700); err != nil {
		return fmt.Errorf("making the folder for uploads: %w", err)
	}
	// The scheduled task looks into the folder of the server that does it, and each has its own.
	if _, err := documents.RemoveLeftUploads(spoolDir(c)); err != nil {
		return err
	}
	collectionRows := collections.NewRepository(a.DB)
	documentRows := documents.NewRepository(a.DB)
	chunkRows := chunks.NewRepository(a.DB)
	operationRows := operations.NewRepository(a.DB)

	status := collections.NewStatusChanger(a.DB, collectionRows, a.Audit)
	starter := operations.NewStarter(a.DB, operationRows, a.Queue, collectionRows, status)
	a.starter = starter
	sources := connectors.New(directory.New(c.Sources.DocumentRoots))
	a.Collections = collections.NewService(collections.Deps{
		DB: a.DB, Repository: collectionRows, Operations: starter, Status: status, Directory: users.NewRepository(a.DB),
		Audit: a.Audit, Idempotency: a.Idempotency, Connectors: sources, SourceWork: starter,
	})
	a.Users.ConnectEstate(a.Collections)
	a.Documents = documents.NewService(a.DB, documentRows, a.Users, a.Collections, collectionRows, starter,
		chunkRows, a.Audit, a.Idempotency, documents.Config{SpoolDir: spoolDir(c), MaxFileBytes: c.Limits.UploadBytes, Trash: c.Retention.Trash})
	a.Indexer = chunks.NewIndexer(a.DB, chunkRows, a.Collections, collectionRows, o.Logger)
	a.Chunks = chunks.NewService(chunks.Deps{
		DB: a.DB, Repository: chunkRows, Searcher: chunkRows, Accounts: a.Users, Collections: a.Collections, Counters: collectionRows,
		Documents: a.Documents, DocumentRows: documentRows, Indexer: a.Indexer, Audit: a.Audit,
		WorkTimes: operationRows, Idempotency: a.Idempotency, Metrics: chunks.NewMetrics(a.Metrics), Tracer: a.Tracer,
	}, chunks.Config{
		SearchTimeout: c.Limits.SearchTimeout, LoadTimeout: c.Limits.LoadTimeout,
		MaxCharacters: c.Limits.ChunkCharacters, MaxBatch: c.Limits.BatchRows, Logger: o.Logger,
	})
	partitionRows := partitions.NewRepository(a.DB)
	a.Partitions = partitions.NewService(a.DB, partitionRows, o.Logger)
	a.Analyzer = partitions.NewAnalyzer(a.DB, partitionRows, o.Logger)
	if err := a.joinOperations(c, o, rows{collectionRows, documentRows, chunkRows, operationRows}, starter, status, sources); err != nil {
		return err
	}

	a.Server = web.New(web.Config{
		Title: "Semantik", Version: o.Version, Description: "Search over collections of documents.",
		CORSOrigins: c.HTTP.CORSOrigins, MaxBodyBytes: c.Limits.BodyBytes, ShutdownTimeout: c.HTTP.ShutdownTimeout,
		TrustedProxies: c.HTTP.TrustedProxies, Limits: limitsOf(c.RateLimits, c.Database.PoolSize+c.Database.MaxOverflow), InternalKey: c.Auth.InternalKey,
		MetricsToken: c.Watch.MetricsToken,
	}, web.Deps{
		Logger: o.Logger, Authenticator: a.Users, Checks: a.checks(c), Cleanup: remembered(a.cleanup), Limiter: a.limiter, Metrics: a.Metrics, Tracer: a.Tracer,
	})
	api := a.Server.API()
	audit.Register(api, a.Audit)
	users.Register(api, a.Users)
	collections.Register(api, a.Collections, documentRows)
	preview.Register(api, preview.NewService(sources, extract.DetectMIME, preview.NewTeller(a.DB, o.Logger).Watch, preview.Config{}))
	documents.Register(api, a.Documents)
	chunks.Register(api, a.Chunks)
	partitions.Register(api, a.Partitions)
	operations.Register(api, a.Operations)
	system.Register(api, system.NewService(system.Deps{
		DB: a.DB, Metrics: a.Metrics, Watcher: a.Statements, Activity: activity.NewRepository(a.DB), Server: a.Server, Version: o.Version,
	}))
	return nil
}

// spoolDir is where uploads are while they come in: not in the system's folder for
// temporary files, which often is memory.
func spoolDir(c *config.Config) string { return filepath.Join(c.Store.DataDir, "uploads") }

// workerName tells this process from others that work on the same database, and from
// those before it: in a container every one has the same number.
func workerName() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return host + ":" + strconv.Itoa(os.Getpid()) + ":" + strings.ToLower(rand.Text()[:6])
}

// Close gives back what Build has opened. What was started is stopped before.
func (a *App) Close() {
	a.DB.Close()
	_ = a.Tracer.Close() // what could not be sent is lost
}
