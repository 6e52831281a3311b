package app

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"semantik/modules/users"
	"semantik/platform/config"
	"semantik/platform/database"
)

func newUsers(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "users",
		Short: "Make, list and change accounts, on the database itself",
		Long: "Make, list and change accounts, for the operator of a server: on the database itself, the one of\n" +
			"DATABASE_URL or the embedded one, whether the server runs or not. No password is needed, so that\n" +
			"this is also the way back in for whoever has lost the last one. What is done is written into\n" +
			"the audit log as the operator's doing.",
		Example: "  semantik users create bob --email bob@example.com\n  semantik users reset-password admin --generate\n  semantik users list",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newUsersCreate(s), newUsersList(s), newUsersResetPassword(s), newUsersDelete(s),
		s.usersChange("activate", "Let somebody in again", "Let a user in again who was deactivated. They sign in with the password that they had.", "Activated",
			func(ctx context.Context, service *users.Service, name string) (users.User, error) {
				return service.SetActive(ctx, name, true)
			}),
		s.usersChange("deactivate", "Shut somebody out", "Shut a user out: all sessions and API keys of theirs are refused from the next request on. What is\ntheirs stays.", "Deactivated",
			func(ctx context.Context, service *users.Service, name string) (users.User, error) {
				return service.SetActive(ctx, name, false)
			}),
		s.usersChange("promote", "Make somebody a superuser", "Make a user a superuser, who may do everything.", "Promoted",
			func(ctx context.Context, service *users.Service, name string) (users.User, error) {
				return service.SetSuperuser(ctx, name, true)
			}),
		s.usersChange("demote", "Make a superuser an ordinary user", "Make a superuser an ordinary user. The last one stays.", "Demoted",
			func(ctx context.Context, service *users.Service, name string) (users.User, error) {
				return service.SetSuperuser(ctx, name, false)
			}),
	)
	return withExitCodes(cmd)
}

// addOperator declares where the database is.
func addOperator(cmd *cobra.Command) *bool {
	asJSON := addJSON(cmd)
	addDatabase(cmd)
	config.AddFlags(cmd.Flags(), "LOG_LEVEL", "LOG_FORMAT")
	return asJSON
}

// usersChange is a command that changes one account and prints it.
func (s *shell) usersChange(verb, short, long, done string, change func(ctx context.Context, service *users.Service, name string) (users.User, error)) *cobra.Command {
	cmd := &cobra.Command{
		Use:     verb + " NAME",
		Short:   short,
		Long:    long,
		Example: "  semantik users " + verb + " bob",
		Args:    oneArgument,
	}
	asJSON := addOperator(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return s.withUsers(cmd, func(ctx context.Context, service *users.Service) error {
			u, err := change(ctx, service, args[0])
			if err != nil {
				return err
			}
			if *asJSON {
				return s.json(shownUser(u))
			}
			s.printf("%s %s.\n", done, u.Username)
			return nil
		})
	}
	return withExitCodes(cmd)
}

// userShown is an account for programs, as the API shows it.
type userShown struct {
	ID          int64      `json:"id"`
	Username    string     `json:"username"`
	Email       string     `json:"email"`
	FullName    *string    `json:"full_name"`
	IsActive    bool       `json:"is_active"`
	IsSuperuser bool       `json:"is_superuser"`
	CreatedAt   time.Time  `json:"created_at"`
	LastLogin   *time.Time `json:"last_login"`
	// Password is the generated one, of a command that has made it.
	Password string `json:"password,omitempty"`
}

func shownUser(u users.User) userShown {
	shown := userShown{
		ID: u.ID, Username: u.Username, Email: u.Email, FullName: u.FullName, IsActive: u.IsActive, IsSuperuser: u.IsSuperuser,
		CreatedAt: u.CreatedAt.UTC(),
	}
	if u.LastLogin != nil {
		at := u.LastLogin.UTC()
		shown.LastLogin = &at
	}
	return shown
}

func newUsersList(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the accounts",
		Long:    "List the accounts by name; with --query those that have a text in their name, full name or e-mail\naddress.",
		Example: "  semantik users list\n  semantik users list --query example.com --json",
		Args:    cobra.NoArgs,
	}
	query := cmd.Flags().StringP("query", "q", "", "only accounts with this text in them")
	asJSON := addOperator(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return s.withUsers(cmd, func(ctx context.Context, service *users.Service) error {
			found, err := allUsers(ctx, service, *query)
			if err != nil {
				return err
			}
			if *asJSON {
				shown := make([]userShown, len(found))
				for i, u := range found {
					shown[i] = shownUser(u)
				}
				return s.json(map[string]any{"users": shown, "total": len(shown)})
			}
			s.showUsers(found)
			return nil
		})
	}
	return withExitCodes(cmd)
}

// allUsers reads the whole list, page by page.
func allUsers(ctx context.Context, service *users.Service, query string) ([]users.User, error) {
	var all []users.User
	for {
		found, total, err := service.List(ctx, query, database.Page{Offset: len(all), Limit: database.MaxList})
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
		if len(found) == 0 || int64(len(all)) >= total {
			return all, nil
		}
	}
}

func (s *shell) showUsers(found []users.User) {
	if len(found) == 0 {
		s.printf("There is no such account.\n")
		return
	}
	rows := make([][]string, len(found))
	for i, u := range found {
		role, state := "user", "active"
		if u.IsSuperuser {
			role = "superuser"
		}
		if !u.IsActive {
			state = "inactive"
		}
		rows[i] = []string{u.Username, u.Email, orDash(valueOr(u.FullName, "")), role, state, when(u.LastLogin)}
	}
	s.table([]string{"NAME", "E-MAIL", "FULL NAME", "ROLE", "STATE", "LAST SIGN-IN"}, rows)
}
