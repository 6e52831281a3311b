package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"semantik/modules/users"
	"semantik/platform/config"
)

// passwordFlags say where a new password comes from.
type passwordFlags struct{ fromStdin, generate bool }

func addPassword(cmd *cobra.Command) *passwordFlags {
	f := &passwordFlags{}
	cmd.Flags().BoolVar(&f.fromStdin, "password-stdin", false, "read the password from standard input, its first line")
	cmd.Flags().BoolVar(&f.generate, "generate", false, "make a password up and print it, alone on standard output")
	config.AddFlags(cmd.Flags(), "BCRYPT_COST")
	return f
}

// password is the new password, asked for twice on a terminal; "" to have one
// made up.
func (s *shell) newPassword(ctx context.Context, f *passwordFlags, username string) (string, error) {
	switch {
	case f.fromStdin && f.generate:
		return "", usagef("--password-stdin and --generate exclude each other")
	case f.generate:
		return "", nil
	case f.fromStdin:
		return s.readPassword()
	case !isTerminal(s.stdin):
		return "", usagef("there is no terminal to ask for the password on; use --password-stdin or --generate")
	}
	password, err := s.askPassword(ctx, fmt.Sprintf("New password of %s: ", plain(username)))
	if err != nil {
		return "", err
	}
	again, err := s.askPassword(ctx, "The same again: ")
	switch {
	case err != nil:
		return "", err
	case password == "":
		return "", usagef("a password is needed; --generate makes one up")
	case password != again:
		return "", errors.New("the two are not the same; nothing was changed")
	}
	return password, nil
}

// tellPassword prints an account with the password that was made up for it.
func (s *shell) tellPassword(f *passwordFlags, asJSON bool, u users.User, password, done string) error {
	if asJSON {
		shown := shownUser(u)
		if f.generate {
			shown.Password = password
		}
		return s.json(shown)
	}
	if !f.generate {
		s.printf("%s\n", done)
		return nil
	}
	s.notef("%s\nThe password is shown this once:\n", done)
	s.printf("%s\n", password)
	return nil
}

func newUsersCreate(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an account",
		Long: "Make an account, whether registration is open or not. The password is asked for on the terminal,\n" +
			"read from standard input, or made up and printed. The first account of all is a superuser's.",
		Example: "  semantik users create bob --email bob@example.com\n  semantik users create ci --generate\n" +
			"  semantik users create carol --superuser --password-stdin < carol.password",
		Args: oneArgument,
	}
	email := cmd.Flags().String("email", "", "e-mail address (default NAME@localhost)")
	fullName := cmd.Flags().String("full-name", "", "the name for people")
	superuser := cmd.Flags().Bool("superuser", false, "let them do everything")
	from := addPassword(cmd)
	asJSON := addOperator(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		in := users.CreateInput{RegisterInput: users.RegisterInput{Username: args[0], Email: *email}, IsSuperuser: *superuser}
		if in.Email == "" {
			in.Email = args[0] + "@localhost"
		}
		if *fullName != "" {
			in.FullName = fullName
		}
		var err error
		if in.Password, err = s.newPassword(cmd.Context(), from, args[0]); err != nil {
			return err
		}
		return s.withUsers(cmd, func(ctx context.Context, service *users.Service) error {
			u, password, err := service.Create(ctx, in)
			if err != nil {
				return err
			}
			kind := "account"
			if u.IsSuperuser {
				kind = "account of a superuser,"
			}
			return s.tellPassword(from, *asJSON, u, password, fmt.Sprintf("Made the %s %s.", kind, u.Username))
		})
	}
	return withExitCodes(cmd)
}

func newUsersResetPassword(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "reset-password NAME",
		Short: "Give somebody another password",
		Long: "Give a user another password, and end all their sessions. It is asked for on the terminal, read\n" +
			"from standard input, or made up and printed. API keys go on; revoke those apart.",
		Example: "  semantik users reset-password admin\n  semantik users reset-password bob --generate",
		Args:    oneArgument,
	}
	from := addPassword(cmd)
	asJSON := addOperator(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		password, err := s.newPassword(cmd.Context(), from, args[0])
		if err != nil {
			return err
		}
		return s.withUsers(cmd, func(ctx context.Context, service *users.Service) error {
			u, password, err := service.ResetPassword(ctx, args[0], password)
			if err != nil {
				return err
			}
			return s.tellPassword(from, *asJSON, u, password, u.Username+" has another password, and is signed out everywhere.")
		})
	}
	return withExitCodes(cmd)
}

func newUsersDelete(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete an account",
		Long: "Delete an account with its sessions, API keys and rights, for good; what it did stays in the audit\n" +
			"log. Where it owns collections, say what becomes of them. On a terminal the name is asked for,\n" +
			"to be sure; elsewhere --yes is needed.",
		Example: "  semantik users delete bob --transfer-to alice\n  semantik users delete bob --delete-collections --yes",
		Args:    oneArgument,
	}
	var in users.DeleteInput
	cmd.Flags().StringVar(&in.TransferTo, "transfer-to", "", "user who gets the collections")
	cmd.Flags().BoolVar(&in.DeleteCollections, "delete-collections", false, "delete the collections too")
	yes := cmd.Flags().BoolP("yes", "y", false, "do not ask")
	asJSON := addOperator(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if in.TransferTo != "" && in.DeleteCollections {
			return usagef("--transfer-to and --delete-collections exclude each other")
		}
		if !*yes && !isTerminal(s.stdin) {
			return usagef("there is no terminal to ask on whether you are sure; add --yes")
		}
		return s.withUsers(cmd, func(ctx context.Context, service *users.Service) error {
			return s.deleteUser(ctx, service, args[0], in, *yes, *asJSON)
		})
	}
	return withExitCodes(cmd)
}

func (s *shell) deleteUser(ctx context.Context, service *users.Service, name string, in users.DeleteInput, yes, asJSON bool) error {
	u, err := service.FindByName(ctx, name)
	if err != nil {
		return err
	}
	if !yes {
		typed, err := s.askLine(ctx, fmt.Sprintf("This deletes the account %s (%s) for good. Type its name to go on: ", u.Username, plain(u.Email)))
		if err != nil {
			return err
		}
		if typed != u.Username {
			return fmt.Errorf("%q is not the name of the account; nothing was deleted", typed)
		}
	}
	err = service.Delete(ctx, u.ID, in)
	if errors.Is(err, users.ErrOwnsCollections) {
		return usagef("%s owns collections; say what becomes of them with --transfer-to USER or --delete-collections", u.Username)
	}
	if err != nil {
		return err
	}
	if asJSON {
		return s.json(map[string]any{"id": u.ID, "username": u.Username, "deleted": true})
	}
	s.printf("Deleted the account %s.\n", u.Username)
	return nil
}
