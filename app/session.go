package app

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"

	"semantik/platform/config"
)

// sessionFile is in the data directory while "semantik up" runs: the address and
// a token for whoever may read that directory's secrets, and so needs no login.
const sessionFile = "session.json"

// operator issues tokens to the program itself.
type operator struct {
	app       *App
	preferred string
	life      time.Duration

	mu     sync.Mutex
	token  string
	user   string
	issued time.Time
}

func newOperator(a *App, c *config.Config) *operator {
	return &operator{app: a, preferred: c.Auth.AdminUser, life: c.Auth.AccessTTL}
}

// Token gives a token with at least half of its life before it; another one when
// that was refused.
func (o *operator) Token(ctx context.Context, refused string) (string, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.token == "" || o.token == refused || time.Since(o.issued) > o.life/2 {
		user, token, err := o.app.Users.OperatorToken(ctx, o.preferred)
		if err != nil {
			return "", err
		}
		o.token, o.user, o.issued = token, user.Username, time.Now()
	}
	return o.token, nil
}

// login is the operator's, with a token of now.
func (o *operator) login(ctx context.Context, url string) (login, error) {
	token, err := o.Token(ctx, "")
	if err != nil {
		return login{}, err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	return login{Server: url, Username: o.user, Token: token}, nil
}

// session is the file for those who may read the data directory.
type session struct {
	operator *operator
	path     string
	url      string
}

func newSession(o *operator, dataDir, url string) *session {
	return &session{operator: o, path: filepath.Join(dataDir, sessionFile), url: url}
}

func (s *session) write(ctx context.Context) error {
	l, err := s.operator.login(ctx, s.url)
	if err != nil {
		return err
	}
	return writePrivate(s.path, l)
}

// keep keeps the token in the file fresh until the context ends, and removes the
// file then.
func (s *session) keep(ctx context.Context, log *slog.Logger) {
	ticker := time.NewTicker(max(time.Second, s.operator.life/4))
	defer ticker.Stop()
	defer func() { _ = os.Remove(s.path) }()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := s.write(ctx); err != nil && ctx.Err() == nil {
				log.WarnContext(ctx, "the session of the command line could not be renewed; it is tried again", "error", err)
			}
		}
	}
}
