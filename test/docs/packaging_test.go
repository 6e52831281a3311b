package docs_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	yaml "go.yaml.in/yaml/v3"
)

const installedAs = "/usr/local/bin/semantik"

// requireUsage fails unless the program has the command, and takes these flags with their
// values: --help is what it does once it has understood the others.
func requireUsage(t *testing.T, program string, words []string) {
	t.Helper()
	for i, word := range words {
		words[i] = strings.ReplaceAll(word, "$MAINPID", "1")
	}
	help, err := exec.CommandContext(t.Context(), program, append(slices.Clone(words), "--help")...).CombinedOutput()
	require.NoError(t, err, "%v: %s", words, help)
	require.Contains(t, string(help), "semantik "+words[0], "it is the help of the command itself")
}

// What the repository brings to install the program with names what there is.
func TestPackaging_NamesWhatThereIs(t *testing.T) {
	t.Parallel()
	program := filepath.Join(t.TempDir(), "semantik")
	build(t, program, "0.9.0")
	for name, look := range map[string]func(t *testing.T, program string){
		"units start commands that there are": unitsStartCommands, "units are understood by systemd": unitsAreUnderstood,
		"compose files": composeNamesWhatThereIs, "Dockerfile": dockerfileCopiesWhatThereIs,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			look(t, program)
		})
	}
}

func unitsStartCommands(t *testing.T, program string) {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "packaging", "systemd", "*.service"))
	require.NoError(t, err)
	require.Len(t, paths, 3)
	for _, path := range paths {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		started := regexp.MustCompile(`(?m)^ExecStart(?:Post)?=(\S+) (.+)$`).FindAllStringSubmatch(string(content), -1)
		require.NotEmpty(t, started, path)
		if strings.Contains(string(content), "\nRestart=") {
			require.Contains(t, string(content), "\nStartLimitIntervalSec=0\n", "%s: a PostgreSQL that is away for long must not leave it away for good", path)
		}
		for _, s := range started {
			require.Equal(t, installedAs, s[1], path)
			requireUsage(t, program, strings.Fields(s[2]))
		}
	}
}

// Where the machine has systemd, it reads the units as well.
func unitsAreUnderstood(t *testing.T, program string) {
	t.Helper()
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("not asked: this machine has no systemd-analyze")
		return
	}
	folder := t.TempDir()
	units, err := filepath.Glob(filepath.Join(root, "packaging", "systemd", "semantik*.*"))
	require.NoError(t, err)
	for _, path := range units {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		unit := strings.ReplaceAll(string(content), installedAs, program)
		require.NoError(t, os.WriteFile(filepath.Join(folder, filepath.Base(path)), []byte(unit), 0o600))
	}
	for _, path := range units {
		name := filepath.Base(path)
		if strings.HasSuffix(name, ".sysusers") {
			continue
		}
		verify := exec.CommandContext(t.Context(), analyze, "verify", "./"+name)
		verify.Dir = folder
		said, err := verify.CombinedOutput()
		require.NoError(t, err, "%s: %s", name, said)
		for line := range strings.SplitSeq(string(said), "\n") {
			require.NotContains(t, line, "semantik", "what it says of others is theirs")
		}
	}
}

type composeFile struct {
	Services map[string]struct {
		Build       string
		Image       string
		Command     any
		DependsOn   map[string]any `yaml:"depends_on"`
		Environment map[string]string
		Healthcheck struct{ Test []string }
		Volumes     []string
	}
	Volumes map[string]any
}

func composeNamesWhatThereIs(t *testing.T, program string) {
	t.Helper()
	settings := knownSettings(t, program)
	for _, name := range []string{"compose.yaml", "compose.test.yaml"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		require.NoError(t, err)
		var file composeFile
		require.NoError(t, yaml.Unmarshal(content, &file), name)
		require.NotEmpty(t, file.Services, name)
		for service, s := range file.Services {
			if s.Build != "" {
				require.FileExists(t, filepath.Join(root, s.Build, "Dockerfile"))
			}
			for other := range s.DependsOn {
				require.Contains(t, file.Services, other, "%s: %s waits for it", name, service)
			}
			for _, volume := range s.Volumes {
				require.Contains(t, file.Volumes, strings.Split(volume, ":")[0], "%s: %s", name, service)
			}
			require.NotEmpty(t, s.Healthcheck.Test, "%s: %s", name, service)
			if s.Image != "semantik" {
				continue
			}
			require.Equal(t, []string{"CMD", installedAs}, s.Healthcheck.Test[:2])
			requireUsage(t, program, s.Healthcheck.Test[2:])
			for variable := range s.Environment {
				require.Contains(t, settings, variable, "%s: %s", name, service)
			}
		}
	}
}

// knownSettings are the names of all settings, as the program lists them.
func knownSettings(t *testing.T, program string) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), program, "config", "--json")
	command.Env = []string{"HOME=" + t.TempDir()}
	command.Dir = t.TempDir()
	out, err := command.Output()
	require.NoError(t, err)
	require.True(t, json.Valid(out))
	return string(out)
}

func dockerfileCopiesWhatThereIs(t *testing.T, program string) {
	t.Helper()
	settings := knownSettings(t, program)
	content, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	require.NoError(t, err)
	ignored, err := os.ReadFile(filepath.Join(root, ".dockerignore"))
	require.NoError(t, err)
	text := string(content)
	building, _, staged := strings.Cut(text, "\nFROM scratch")
	require.True(t, staged)
	sources := 0
	for _, m := range regexp.MustCompile(`(?m)^COPY (.+) \S+$`).FindAllStringSubmatch(text, -1) {
		for source := range strings.FieldsSeq(m[1]) {
			made := strings.HasPrefix(source, "/out/") || strings.HasPrefix(source, "/etc/") || strings.HasPrefix(source, "--")
			if !made {
				_, err := os.Stat(filepath.Join(root, source))
				require.NoError(t, err)
				require.NotContains(t, strings.Fields(string(ignored)), source, "it is not sent to the builder")
				sources++
			}
			if strings.HasPrefix(source, "/out/") {
				require.Contains(t, building, source, "the first stage makes it")
			}
		}
	}
	require.Positive(t, sources)
	for _, m := range regexp.MustCompile(`([A-Z_]+)=\S`).FindAllStringSubmatch(regexp.MustCompile(`(?m)^ENV .*$`).FindString(text), -1) {
		require.Contains(t, settings, `"`+m[1]+`"`)
	}
	probe := regexp.MustCompile(`(?s)HEALTHCHECK .*?CMD (\[.*?\])`).FindStringSubmatch(text)
	require.NotNil(t, probe)
	var words []string
	require.NoError(t, json.Unmarshal([]byte(probe[1]), &words))
	require.Equal(t, installedAs, words[0])
	requireUsage(t, program, words[1:])
	module, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	require.Contains(t, text, "FROM golang:"+version+" AS build", "it is built with the Go of go.mod")
}
