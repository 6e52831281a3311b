package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// login is who the client is on a server.
type login struct {
	Server   string `json:"server"`
	Username string `json:"username"`
	// Token is the access token, and Refresh what it is renewed with. Both are
	// empty in the file where the keyring holds them.
	Token   string `json:"token,omitempty"`
	Refresh string `json:"refresh_token,omitempty"`
	// Keyring is set where the tokens are in the platform's keyring.
	Keyring bool `json:"keyring,omitempty"`
}

// name is under what the keyring holds the login.
func (l login) name() string { return l.Username + " at " + l.Server }

// logins are those that "semantik login" keeps, the last one first.
type logins struct {
	Logins []login `json:"logins"`
}

// with puts a login first, in place of that for the same server.
func (l logins) with(added login) logins {
	return logins{append([]login{added}, l.without(added.Server).Logins...)}
}

// replacing puts a login in the place of that for the same server.
func (l logins) replacing(changed login) logins {
	kept := logins{append([]login{}, l.Logins...)}
	for i, one := range kept.Logins {
		if one.Server == changed.Server {
			kept.Logins[i] = changed
		}
	}
	return kept
}

// without leaves out the login for a server.
func (l logins) without(server string) logins {
	kept := logins{[]login{}}
	for _, one := range l.Logins {
		if one.Server != server {
			kept.Logins = append(kept.Logins, one)
		}
	}
	return kept
}

// loginStore keeps logins: their list in a file that nobody else can read, their
// tokens in the platform's keyring or, where there is none, in that file too.
type loginStore struct {
	path    string
	keyring secrets // nil for none
}

func (s *shell) loginStore() (*loginStore, error) {
	dir, err := s.configDir()
	if err != nil {
		return nil, err
	}
	return &loginStore{path: filepath.Join(dir, "logins.json"), keyring: s.keyring}, nil
}

// list gives the logins, those in the keyring without their tokens.
func (st *loginStore) list() (logins, error) {
	var kept logins
	return kept, readPrivate(st.path, &kept)
}

// open gives a login with its tokens.
func (st *loginStore) open(l login) (login, error) {
	if !l.Keyring {
		return l, nil
	}
	if st.keyring == nil {
		return l, fmt.Errorf("the login at %s is in a keyring that cannot be reached from here; sign in again with \"semantik login\"", l.Server)
	}
	text, err := st.keyring.get(l.name())
	if err == nil {
		l.Token, l.Refresh, err = pairOf(text)
	}
	if err != nil {
		return l, fmt.Errorf("reading the login at %s from the keyring: %w", l.Server, err)
	}
	return l, nil
}

// errNoLogin means that there is no login at the server.
var errNoLogin = errors.New("there is no login at this server")

// find gives the login at a server with its tokens, as it is kept now.
func (st *loginStore) find(server string) (login, error) {
	kept, err := st.list()
	if err != nil {
		return login{}, err
	}
	for _, l := range kept.Logins {
		if l.Server == server {
			return st.open(l)
		}
	}
	return login{}, errNoLogin
}

// add keeps a new login, in the keyring where that takes it. It gives the login as
// it is kept, and the one with its tokens in whose place it is, if they can be read.
func (st *loginStore) add(ctx context.Context, l login, useKeyring bool) (added, replaced login, err error) {
	err = st.locked(ctx, func() error {
		kept, err := st.list()
		if err != nil {
			return err
		}
		replaced, _ = st.find(l.Server) // nothing to replace is no failure
		l.Keyring = useKeyring && st.keyring != nil && st.hide(l) == nil
		for _, one := range kept.Logins {
			if one.Server == l.Server && one.Keyring && st.keyring != nil && (!l.Keyring || one.name() != l.name()) {
				_ = st.keyring.remove(one.name()) // best effort: nothing leads there any more
			}
		}
		return st.write(kept.with(l))
	})
	return l, replaced, err
}

// renew keeps another pair of tokens for a login, where the one before was. The
// caller holds the lock.
func (st *loginStore) renew(l login) error {
	if l.Keyring {
		return st.hide(l)
	}
	kept, err := st.list()
	if err != nil {
		return err
	}
	return st.write(kept.replacing(l))
}

// remove forgets the login at a server.
func (st *loginStore) remove(ctx context.Context, l login) error {
	return st.locked(ctx, func() error {
		kept, err := st.list()
		if err != nil {
			return err
		}
		if l.Keyring && st.keyring != nil {
			if err := st.keyring.remove(l.name()); err != nil {
				return fmt.Errorf("removing the login at %s from the keyring: %w", l.Server, err)
			}
		}
		return st.write(kept.without(l.Server))
	})
}

// hide puts the tokens into the keyring.
func (st *loginStore) hide(l login) error {
	text, err := json.Marshal(keptPair{l.Token, l.Refresh}) //nolint:gosec // for the keyring, which is where they belong
	if err != nil {
		return fmt.Errorf("writing the login at %s: %w", l.Server, err)
	}
	return st.keyring.set(l.name(), string(text))
}

// write replaces the file, in which no token is that the keyring holds.
func (st *loginStore) write(kept logins) error {
	shown := logins{append([]login{}, kept.Logins...)}
	for i := range shown.Logins {
		if shown.Logins[i].Keyring {
			shown.Logins[i].Token, shown.Logins[i].Refresh = "", ""
		}
	}
	return writePrivate(st.path, shown)
}

// lockAgain is how often a lock is looked at that another command holds.
const lockAgain = 20 * time.Millisecond

// locked runs fn while no other command changes the logins: of two that find a
// token expired one renews it and the other takes what it got. The kernel gives
// the lock back when a command ends, however it ends.
func (st *loginStore) locked(ctx context.Context, fn func() error) error {
	if err := os.MkdirAll(filepath.Dir(st.path), 0o700); err != nil {
		return fmt.Errorf("making the folder of %s: %w", st.path, reasonOf(err))
	}
	file, err := os.OpenFile(st.path+".lock", os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return fmt.Errorf("locking %s: %w", st.path, reasonOf(err))
	}
	defer func() { _ = file.Close() }()
	ticker := time.NewTicker(lockAgain)
	defer ticker.Stop()
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return fn()
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			return fmt.Errorf("locking %s: %w", st.path, err)
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-ticker.C:
		}
	}
}

// isSocket reports whether there is a socket at the path.
func isSocket(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode()&fs.ModeSocket != 0
}
