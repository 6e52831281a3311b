package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"time"

	"github.com/zalando/go-keyring"
)

// secrets keeps short texts where the platform keeps passwords.
type secrets interface {
	get(name string) (string, error)
	set(name, text string) error
	remove(name string) error
}

// errNoSecret means that the keyring holds nothing under that name.
var errNoSecret = errors.New("the keyring does not hold the login")

// platformKeyring is the keyring of macOS, of Windows, or of the desktop's Secret
// Service. All of them are reached without a C library.
type platformKeyring struct{}

// keyringService is under what the platform lists our secrets.
const keyringService = "semantik"

// keyringPatience is how long a keyring may take: it may ask its owner to unlock
// it, and on a machine without a screen nobody answers.
const keyringPatience = 30 * time.Second

var errKeyringSilent = fmt.Errorf("the keyring did not answer within %s", keyringPatience)

// findKeyring gives the platform's keyring, nil where there is none. A desktop's is
// on the session bus; without one nothing is started in search of it.
func (s *shell) findKeyring() secrets {
	if runtime.GOOS == "darwin" || runtime.GOOS == "windows" {
		return platformKeyring{}
	}
	if s.getenv("DBUS_SESSION_BUS_ADDRESS") != "" || isSocket(filepath.Join(s.getenv("XDG_RUNTIME_DIR"), "bus")) {
		return platformKeyring{}
	}
	return nil
}

func (platformKeyring) get(name string) (string, error) {
	return patiently(func() (string, error) {
		text, err := keyring.Get(keyringService, name)
		if errors.Is(err, keyring.ErrNotFound) {
			err = errNoSecret
		}
		return text, err
	})
}

func (platformKeyring) set(name, text string) error {
	_, err := patiently(func() (string, error) { return "", keyring.Set(keyringService, name, text) })
	return err
}

func (platformKeyring) remove(name string) error {
	_, err := patiently(func() (string, error) {
		err := keyring.Delete(keyringService, name)
		if errors.Is(err, keyring.ErrNotFound) {
			err = nil
		}
		return "", err
	})
	return err
}

// patiently gives up on a keyring that does not answer; what it was asked for it
// may still do.
func patiently(do func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	answers := make(chan answer, 1)
	go func() {
		text, err := do()
		answers <- answer{text, err}
	}()
	timer := time.NewTimer(keyringPatience)
	defer timer.Stop()
	select {
	case a := <-answers:
		return a.text, a.err
	case <-timer.C:
		return "", errKeyringSilent
	}
}

// pairOf reads the tokens as the keyring holds them.
func pairOf(text string) (access, refresh string, err error) {
	var kept keptPair
	if err := json.Unmarshal([]byte(text), &kept); err != nil {
		return "", "", fmt.Errorf("the login in the keyring is damaged: %w", err)
	}
	return kept.Access, kept.Refresh, nil
}

// keptPair is what the keyring holds of a login.
type keptPair struct {
	Access  string `json:"token"`
	Refresh string `json:"refresh_token"`
}
