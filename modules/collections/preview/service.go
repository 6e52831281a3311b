package preview

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"semantik/modules/collections/connectors"
	"semantik/platform/apperr"
	"semantik/platform/auth"
)

// Defaults of [Config].
const (
	DefaultMaxFiles    = 10_000
	DefaultMaxBytes    = 1 << 30
	DefaultListTimeout = 20 * time.Second
	DefaultHashTimeout = 20 * time.Second
	DefaultAtOnce      = 2
)

// errBusy means that as many previews are made as may be.
var errBusy = apperr.New(apperr.Unavailable, "preview_busy",
	"Other folders are being looked through at present. Try again in a moment.").WithRetryAfter(5 * time.Second)

// Config bounds previews; what is zero has its default.
type Config struct {
	// MaxFiles is how many files are listed; the totals count on.
	MaxFiles int
	// MaxBytes is how many bytes are read for hashes.
	MaxBytes int64
	// ListTimeout and HashTimeout are how long the two may take.
	ListTimeout, HashTimeout time.Duration
	// AtOnce is how many previews are made at the same time.
	AtOnce int
}

// Progress is how far a preview is.
type Progress struct {
	// Files and Bytes were found so far, Hashed of them have their hash.
	Files, Bytes, Hashed int64
	// Ended is set once, with what it failed of if it has.
	Ended bool
	Err   error
}

// Watcher hears how far a preview is. It is called often, from one goroutine, and must
// not wait.
type Watcher func(ctx context.Context, scanID uuid.UUID, p Progress)

// TypeOf tells the media type of a file by its name and the beginning of its content.
type TypeOf func(name string, head []byte) string

// Service makes previews.
type Service struct {
	connectors *connectors.Registry
	typeOf     TypeOf
	config     Config
	watcher    Watcher
	places     chan struct{}
}

// NewService makes the service. watcher may be nil.
func NewService(types *connectors.Registry, typeOf TypeOf, watcher Watcher, config Config) *Service {
	if config.MaxFiles <= 0 {
		config.MaxFiles = DefaultMaxFiles
	}
	if config.MaxBytes <= 0 {
		config.MaxBytes = DefaultMaxBytes
	}
	if config.ListTimeout <= 0 {
		config.ListTimeout = DefaultListTimeout
	}
	if config.HashTimeout <= 0 {
		config.HashTimeout = DefaultHashTimeout
	}
	if config.AtOnce <= 0 {
		config.AtOnce = DefaultAtOnce
	}
	if watcher == nil {
		watcher = func(context.Context, uuid.UUID, Progress) {}
	}
	return &Service{connectors: types, typeOf: typeOf, config: config, watcher: watcher, places: make(chan struct{}, config.AtOnce)}
}

// Input is what to look through.
type Input struct {
	// ScanID is the name that the caller gives to the preview.
	ScanID uuid.UUID
	// Type is that of a connector.
	Type string
	// Path and Config are the source's.
	Path   string
	Config json.RawMessage
}

// Result is what there is.
type Result struct {
	ScanID uuid.UUID
	// Path is the source's as it would be stored.
	Path string
	// Files are the first ones, in the order of the list.
	Files []File
	// TotalFiles and TotalSize are of all that were seen.
	TotalFiles, TotalSize int64
	// Warnings say in a line each what was left out and what was cut short.
	Warnings []string
}

// File is a file of a source.
type File struct {
	connectors.Entry
	// Hash is the SHA-256 of the content in hex, and MIMEType what it is; both "" when
	// the content was not read.
	Hash     string
	MIMEType string
}

// Scan looks through a source. It needs what making a collection needs: an account, and
// of an API key the scope write and no confinement. It returns
// [connectors.ErrUnknownType], the errors of the connector, and errBusy.
func (s *Service) Scan(ctx context.Context, in Input) (Result, error) {
	if _, err := auth.RequireUnconfined(ctx, auth.ScopeWrite); err != nil {
		return Result{}, err
	}
	connector, err := s.connectors.Get(in.Type)
	if err != nil {
		return Result{}, err
	}
	config, err := connector.Check(ctx, in.Path, in.Config)
	if err != nil {
		return Result{}, connectors.Located(err, "body.")
	}
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		return Result{}, errBusy
	}
	p := preview{service: s, connector: connector, source: config, result: Result{ScanID: in.ScanID, Path: config.Path, Files: []File{}, Warnings: []string{}}}
	err = p.list(ctx)
	if err == nil {
		err = p.hash(ctx)
	}
	p.progress.Ended, p.progress.Err = true, err
	p.tell(ctx)
	if err != nil {
		return Result{}, err
	}
	return p.result, nil
}

// preview is one that is being made.
type preview struct {
	service   *Service
	connector connectors.Connector
	source    connectors.Config
	result    Result
	progress  Progress
}

// errCut ends a list that takes too long.
var errCut = errors.New("there is no more time")

// list finds the files.
func (p *preview) list(ctx context.Context) error {
	limited, cancel := context.WithTimeoutCause(ctx, p.service.config.ListTimeout, errCut)
	defer cancel()
	report, err := p.connector.List(limited, p.source, func(e connectors.Entry) error {
		p.progress.Files++
		p.progress.Bytes += e.Size
		if len(p.result.Files) < p.service.config.MaxFiles {
			p.result.Files = append(p.result.Files, File{Entry: e})
		}
		p.tell(ctx)
		return nil
	})
	if err != nil && (ctx.Err() != nil || !errors.Is(err, errCut)) {
		return err
	}
	r := &p.result
	r.TotalFiles, r.TotalSize = p.progress.Files, p.progress.Bytes
	if err != nil {
		r.warnf("Looking through the folder was ended after %s: there are more files than were counted.", p.service.config.ListTimeout)
	}
	if listed := int64(len(r.Files)); listed < r.TotalFiles {
		r.warnf("Only the first %d of %d files are listed.", listed, r.TotalFiles)
	}
	if report.Unread > 0 {
		r.warnf("%d folders or files could not be looked at, so that there may be more.", report.Unread)
	}
	for _, w := range report.Warnings {
		r.Warnings = append(r.Warnings, w.String())
	}
	if more := report.LeftOut + report.Unread - int64(len(report.Warnings)); more > 0 {
		r.warnf("%d more of this kind are not named here.", more)
	}
	return nil
}

func (p *preview) tell(ctx context.Context) { p.service.watcher(ctx, p.result.ScanID, p.progress) }

func (r *Result) warnf(format string, args ...any) {
	r.Warnings = append(r.Warnings, fmt.Sprintf(format, args...))
}
