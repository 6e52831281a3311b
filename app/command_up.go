package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"semantik/app/client"
	"semantik/app/ingest"
	"semantik/platform/config"
)

// defaultFolder is what "up" loads when no folder is named and there is one.
const defaultFolder = "docs"

func newUp(s *shell) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "up [DIR]",
		Short: "Start everything, load a folder, and keep serving",
		Long: "Start everything and make a folder searchable: PostgreSQL (or the one of DATABASE_URL), the\n" +
			"schema, the first superuser, the API and the worker. Then load the folder, docs/ if none is\n" +
			"named, into a collection of its name, show a search, and keep serving until Ctrl-C.\n\n" +
			"Run again it goes on where it was and loads nothing twice.\n\n" +
			ingestRules,
		Example: "  semantik up\n  semantik up ~/notes\n  semantik up ~/notes --http-addr 127.0.0.1:9000",
		Args:    cobra.MaximumNArgs(1),
	}
	asJSON := addJSON(cmd)
	walk := addWalk(cmd)
	config.AddFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := s.load(cmd)
		if err != nil {
			return err
		}
		folder, err := upFolder(args)
		if err != nil {
			return err
		}
		log := s.logger(c, upLogLevel(c))
		for _, warning := range c.Warnings() {
			log.Warn(warning)
		}
		u := &up{shell: s, config: c, log: log, folder: folder, walk: *walk, json: *asJSON}
		return run(cmd.Context(), c, log, func(message string) { s.notef("%s\n", message) }, u.do)
	}
	return withExitCodes(cmd)
}

// upFolder is the folder to load; "" when none is named and there is no docs/.
func upFolder(args []string) (string, error) {
	folder := defaultFolder
	if len(args) > 0 {
		folder = args[0]
	}
	info, err := os.Stat(folder)
	switch {
	case len(args) == 0 && errors.Is(err, fs.ErrNotExist):
		return "", nil
	case err != nil:
		return "", usagef("the folder %s cannot be loaded: %w", folder, reasonOf(err))
	case !info.IsDir():
		return "", usagef("%s is not a folder", folder)
	}
	return folder, nil
}

// upLogLevel leaves out what is no news to a person who watches, unless they
// asked for it.
func upLogLevel(c *config.Config) slog.Level {
	for _, setting := range c.Settings() {
		if setting.Variable.Name == "LOG_LEVEL" && setting.Source != config.SourceDefault {
			return c.Log.Level
		}
	}
	return max(c.Log.Level, slog.LevelWarn)
}

// up is one run of the command.
type up struct {
	shell  *shell
	config *config.Config
	log    *slog.Logger
	folder string
	walk   ingest.WalkOptions
	json   bool
}

// upResult is the command's result for programs.
type upResult struct {
	URL           string         `json:"url"`
	DocsURL       string         `json:"docs_url"`
	OpenAPIURL    string         `json:"openapi_url"`
	AdminCreated  bool           `json:"admin_created"`
	AdminUser     string         `json:"admin_user,omitempty"`
	AdminPassword string         `json:"admin_password,omitempty"`
	PasswordFile  string         `json:"admin_password_file,omitempty"`
	Load          *ingest.Report `json:"load"`
	Search        *client.Found  `json:"search"`
}

// do is what happens while the program serves.
func (u *up) do(ctx context.Context, a *App, url string) error {
	made, err := ensureAdmin(ctx, a, u.config)
	if err != nil {
		return err
	}
	if made.created && !u.json {
		u.showAdmin(made)
	}
	operator := newOperator(a, u.config)
	session := newSession(operator, u.config.Store.DataDir, url)
	if err := session.write(ctx); err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		session.keep(ctx, u.log)
		return nil
	})
	group.Go(func() error {
		c := client.New(url, client.Options{Token: operator.Token, UserAgent: userAgent()})
		defer c.Close()
		result := upResult{URL: url, DocsURL: url + "/docs", OpenAPIURL: url + "/openapi.json",
			AdminCreated: made.created, AdminUser: made.username, AdminPassword: made.password, PasswordFile: made.file}
		if err := u.load(ctx, c, &result); err != nil {
			return err
		}
		if u.json {
			return u.shell.json(result)
		}
		u.showServing(result)
		return nil
	})
	return group.Wait()
}

func (u *up) showAdmin(made admin) {
	look := u.shell.styleFor(u.shell.stdout)
	if made.password == "" {
		u.shell.printf("Made the first superuser %s, with the password of SEMANTIK_ADMIN_PASSWORD.\n", look.bold(made.username))
		return
	}
	u.shell.printf("Made the first superuser %s with the password %s\n  %s\n", look.bold(made.username), look.bold(made.password),
		look.dim("It is shown this once and kept in "+made.file))
}

// load loads the folder and searches it.
func (u *up) load(ctx context.Context, c *client.Client, result *upResult) error {
	if u.folder == "" {
		if !u.json {
			u.shell.printf("There is no folder %s/ here, so nothing was loaded.\n", defaultFolder)
		}
		return nil
	}
	found, err := ingest.Walk(ctx, u.folder, u.walk)
	if err != nil {
		return err
	}
	name := collectionNameFor(found.Root)
	collection, made, err := ensureCollection(ctx, c, name)
	if err != nil {
		return fmt.Errorf("making the collection %q: %w", name, err)
	}
	if !made {
		u.shell.noteOwner(ctx, c, collection)
	}
	progress := &bars{shell: u.shell}
	report, err := ingest.Load(ctx, found, ingest.Options{
		Client: c, Collection: collection, FollowLinks: u.walk.FollowLinks, Progress: progress,
	})
	progress.Close()
	report.Made = made
	result.Load = report
	if !u.json && ctx.Err() == nil {
		u.shell.showReport(report)
	}
	if err != nil {
		return fmt.Errorf("loading %s: %w", u.folder, err)
	}
	example, query, err := exampleSearch(ctx, c, collection.ID)
	if err != nil {
		return fmt.Errorf("searching the collection %q: %w", name, err)
	}
	if query != "" {
		result.Search = &example
		if !u.json {
			u.shell.printf("\n%s\n", u.shell.styleFor(u.shell.stdout).dim(u.command("search", query, "--collection", name)))
			u.shell.showHits(example)
		}
	}
	return nil
}

// command is a command line to go on with.
func (u *up) command(args ...string) string {
	var line strings.Builder
	line.WriteString(quoted(u.shell.program))
	for _, arg := range args {
		line.WriteString(" " + quoted(arg))
	}
	return line.String() + u.dataFlag()
}

// dataFlag repeats the data directory where the next command would not find it.
func (u *up) dataFlag() string {
	for _, setting := range u.config.Settings() {
		if setting.Variable.Name == "SEMANTIK_DATA" && setting.Source == config.SourceFlag {
			return " --" + setting.Variable.Flag + " " + quoted(u.config.Store.DataDir)
		}
	}
	return ""
}

func (u *up) showServing(result upResult) {
	s, look := u.shell, u.shell.styleFor(u.shell.stdout)
	collection := "NAME"
	if result.Load != nil {
		collection = result.Load.Collection
	}
	s.printf("\n%s\n", look.green("Serving"))
	row := func(name, value string) { s.printf("  %-9s %s\n", name, value) }
	row("API", result.URL+"/api/v2")
	row("Docs", result.DocsURL+look.dim("  OpenAPI 3.1: /openapi.json"))
	row("Search", u.command("search", "some words", "--collection", collection))
	row("Load", u.command("ingest", "DIR", "--collection", "NAME"))
	row("Database", `psql "$(`+u.command("config", "url")+`)"`)
	if file := filepath.Join(u.config.Store.DataDir, "admin.password"); !result.AdminCreated && exists(file) {
		row("Sign in", u.config.Auth.AdminUser+look.dim("  first password in "+file))
	}
	s.printf("Ctrl-C ends it.\n")
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// userAgent names the command line to the server.
func userAgent() string { return "semantik/" + version() }
