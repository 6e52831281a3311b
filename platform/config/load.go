package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/providers/posflag"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
)

// Options say where [Load] looks. The zero value reads the process's
// environment and, if it is there, the file .env in the current folder.
type Options struct {
	// Environ lists NAME=value; nil means the process's own.
	Environ []string
	// EnvFile is the .env file. One that is named must exist; when this is ""
	// ".env" is read if it exists.
	EnvFile string
	// NoEnvFile keeps Load from reading any .env file.
	NoEnvFile bool
	// Others are names that begin as ours do and belong to another program or
	// to the command-line client: Load does not warn about them.
	Others []string
	// Flags hold what [AddFlags] declared, parsed; nil for none.
	Flags *pflag.FlagSet
}

// Setting is one variable with the value in use.
type Setting struct {
	Variable Variable
	// Value is the text as given, secrets included; see [Setting.Shown].
	Value  string
	Source Source
}

// Shown is the value in the form that people may see.
func (s Setting) Shown() string { return s.Variable.show(s.Value) }

// layer is one source, read.
type layer struct {
	source Source
	values *koanf.Koanf
}

// Load reads and checks every setting. The error is an [*Error] that lists all
// that is wrong.
func Load(options Options) (*Config, error) {
	c := &Config{Store: Store{PostgresSettings: map[string]string{}}}
	layers, warnings, problems := readLayers(options)
	c.warnings = warnings
	values := koanf.New(".")
	for _, l := range layers {
		if err := values.Merge(l.values); err != nil {
			return nil, fmt.Errorf("merging the settings from %s: %w", l.source, err)
		}
	}
	for _, v := range Variables() {
		setting := Setting{Variable: v, Value: values.String(v.Name), Source: SourceDefault}
		for _, l := range layers {
			if l.values.Exists(v.Name) {
				setting.Source = l.source
			}
		}
		c.settings = append(c.settings, setting)
		if setting.Value == "" {
			continue
		}
		if err := v.kind.set(c, setting.Value); err != nil {
			problems = append(problems, problemOf(setting, err))
		}
	}
	problems = append(problems, c.finish(len(problems) == 0)...)
	if len(problems) > 0 {
		return nil, &Error{Problems: problems}
	}
	return c, nil
}

// readLayers reads the sources, weakest first. What cannot be read at all is a
// problem like any other, so that the rest is still checked.
func readLayers(options Options) (layers []layer, warnings []string, problems []Problem) {
	variables, defaults, flags := variablesByName(), map[string]any{}, map[string]string{}
	for _, v := range variables {
		if v.Default != "" {
			defaults[v.Name] = v.Default
		}
		if v.Flag != "" {
			flags[v.Flag] = v.Name
		}
	}
	add := func(source Source, provider koanf.Provider) {
		k := koanf.New(".")
		if err := k.Load(provider, nil); err != nil {
			problems = append(problems, Problem{Source: source, Message: err.Error()})
			return
		}
		layers = append(layers, layer{source: source, values: k})
	}
	add(SourceDefault, confmap.Provider(defaults, ""))

	if !options.NoEnvFile {
		file, err := readEnvFile(options.EnvFile, variables)
		if err != nil {
			problems = append(problems, Problem{Source: SourceFile, Message: err.Error()})
		}
		warnings = append(warnings, file.warnings...)
		warnings = append(warnings, unknownNames(file.names, options.Others, string(SourceFile), "SEMANTIK_", "DB_")...)
		add(SourceFile, confmap.Provider(file.values, ""))
	}

	environ := options.Environ
	if environ == nil {
		environ = os.Environ()
	}
	warnings = append(warnings, unknownNames(environNames(environ), options.Others, "the environment", "SEMANTIK_")...)
	add(SourceEnvironment, env.Provider("", env.Opt{
		EnvironFunc: func() []string { return environ },
		TransformFunc: func(name, value string) (string, any) {
			if value = clean(variables[name], value); value == "" {
				return "", nil
			}
			return name, value
		},
	}))
	if options.Flags != nil {
		add(SourceFlag, posflag.ProviderWithFlag(options.Flags, ".", nil, func(f *pflag.Flag) (string, any) {
			name := flags[f.Name]
			value := clean(variables[name], f.Value.String())
			if value == "" {
				return "", nil
			}
			return name, value
		}))
	}
	return layers, warnings, problems
}

// finish derives what follows from several variables. valid is false when some
// are wrong already, and then it asks no questions that would only follow from
// that.
func (c *Config) finish(valid bool) []Problem {
	var problems []Problem
	if c.Database.URL == "" {
		if u, ok := c.Database.composeURL(); ok && valid {
			composed, err := checkURL(u, nil)
			if err != nil {
				problems = append(problems, Problem{Variable: "POSTGRES_HOST", Message: "the address made from the POSTGRES_ variables is wrong: " + err.Error()})
			}
			composed.warnings = append(c.warnings, composed.warnings...)
			c.databaseURL, c.warnings = composed.url, composed.warnings
		}
	} else if _, ok := c.Database.composeURL(); ok {
		c.warnings = append(c.warnings, "DATABASE_URL is set, so the POSTGRES_ variables are ignored.")
	}
	if valid && c.Auth.AccessTTL >= c.Auth.RefreshTTL {
		problems = append(problems, Problem{Variable: "ACCESS_TOKEN_EXPIRE_MINUTES", Message: "an access token must not outlive the refresh token (REFRESH_TOKEN_EXPIRE_DAYS)"})
	}
	if valid && c.Auth.BcryptCost < 10 {
		c.warnings = append(c.warnings, fmt.Sprintf("BCRYPT_COST is %d: a stolen password table would be quick to break. 12 is the default.", c.Auth.BcryptCost))
	}
	if c.RateLimits.Disabled {
		c.warnings = append(c.warnings, "DISABLE_RATE_LIMITING is set: passwords can be guessed as fast as this machine can check them.")
	}
	if valid && c.Operations.Concurrency == 0 && c.databaseURL == "" {
		c.warnings = append(c.warnings, "WORKER_CONCURRENCY is 0 and DATABASE_URL is not set: nobody else reaches the database that the program brings, so nobody works on operations.")
	}
	problems = append(problems, c.resolvePaths()...)
	return append(problems, c.checkDocumentRoots()...)
}

func (c *Config) resolvePaths() []Problem {
	var problems []Problem
	if c.Store.DataDir == "" {
		c.Store.DataDir = DefaultDataDir()
		for i := range c.settings {
			if c.settings[i].Variable.Name == "SEMANTIK_DATA" {
				c.settings[i].Value = c.Store.DataDir
			}
		}
	}
	for name, path := range map[string]*string{
		"SEMANTIK_DATA": &c.Store.DataDir, "SEMANTIK_POSTGRES_BIN": &c.Store.PostgresBin, nameBackupDir: &c.Store.BackupDir,
		nameArchiveDir: &c.Store.ArchiveDir,
	} {
		if *path == "" || name == nameArchiveDir && *path == noArchive {
			continue
		}
		full, err := absolute(*path)
		if err != nil {
			problems = append(problems, Problem{Variable: name, Message: err.Error()})
			continue
		}
		*path = full
	}
	if c.Store.BackupDir == "" {
		c.Store.BackupDir = filepath.Join(c.Store.DataDir, "backups")
	}
	switch c.Store.ArchiveDir {
	case "":
		c.Store.ArchiveDir = filepath.Join(c.Store.DataDir, "archive")
	case noArchive:
		c.Store.ArchiveDir = ""
	}
	return problems
}

func problemOf(s Setting, err error) Problem {
	message := "must be " + s.Variable.Allowed()
	if !errors.Is(err, errNotAllowed) {
		message = err.Error() + "; it must be " + s.Variable.Allowed()
	}
	return Problem{Variable: s.Variable.Name, Source: s.Source, Value: s.Shown(), Message: message}
}
