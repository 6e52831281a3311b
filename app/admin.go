package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"semantik/modules/users"
	"semantik/platform/apperr"
	"semantik/platform/config"
)

// admin is the first superuser, as far as this start had to do with it.
type admin struct {
	username string
	created  bool
	// password is the generated one, of an account that was made just now.
	password string
	// file keeps the generated password.
	file string
}

// ensureAdmin makes the first superuser when there is no user at all. A
// generated password is kept in a file before the account is made, so that a
// crash between the two locks nobody out.
func ensureAdmin(ctx context.Context, a *App, c *config.Config) (admin, error) {
	empty, err := a.Users.IsEmpty(ctx)
	if err != nil || !empty {
		return admin{}, err
	}
	made := admin{username: c.Auth.AdminUser, created: true}
	password := c.Auth.AdminPassword
	if password == "" {
		made.file = filepath.Join(c.Store.DataDir, "admin.password")
		if password, err = config.LoadOrCreateSecret(made.file); err != nil {
			return admin{}, fmt.Errorf("making a password for the first superuser: %w", err)
		}
		made.password = password
	}
	_, err = a.Users.RegisterFirst(ctx, users.RegisterInput{
		Username: made.username, Email: made.username + "@localhost", Password: password,
	})
	if errors.Is(err, users.ErrRegistrationClosed) { // somebody else was the first just now
		return admin{}, nil
	}
	if err != nil {
		return admin{}, fmt.Errorf("making the first superuser: %w", inSettings(err))
	}
	return made, nil
}

// inSettings says what is wrong with an account in the words of whoever has set
// it. A password that anybody would try is refused here as everywhere: a server
// that starts with one is found before its operator thinks of it again, and one
// that does not start says why.
func inSettings(err error) error {
	var found []error
	for _, f := range apperr.From(err).Fields {
		switch f.Location {
		case "body.username":
			found = append(found, fmt.Errorf("SEMANTIK_ADMIN_USER %s", f.Message))
		case "body.password":
			found = append(found, fmt.Errorf("SEMANTIK_ADMIN_PASSWORD %s", f.Message))
		}
	}
	if len(found) == 0 {
		return err
	}
	return errors.Join(found...)
}
