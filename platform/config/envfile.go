package config

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/knadh/koanf/parsers/dotenv"
)

// maxEnvFile bounds what is read from a path that may be anything.
const maxEnvFile = 1 << 20

// envFile is a .env file, read. values holds the known names that have a value,
// names all of them.
type envFile struct {
	values   map[string]any
	names    []string
	warnings []string
}

// literalDollar stands for a dollar sign that the parser must leave alone. It is
// from the private-use area of Unicode, so that no file has it by accident.
const literalDollar = "\ue000"

// reference is ${NAME}, the one form in which a .env file refers to another
// variable. The parser would also take $NAME, and so cut a password that has a
// dollar sign in it without a word.
var reference = regexp.MustCompile(`\\?\$(\{([A-Z0-9_]+)\})?`)

// readEnvFile reads path, or ".env" if that is "" and such a file exists.
func readEnvFile(path string, variables map[string]Variable) (envFile, error) {
	named := path != ""
	if !named {
		path = ".env"
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !named:
		return envFile{}, nil
	case err != nil:
		return envFile{}, fmt.Errorf("reading it: %w", err)
	case info.IsDir() && !named:
		return envFile{}, nil
	case !info.Mode().IsRegular():
		return envFile{}, fmt.Errorf("%s is not a file", path)
	case info.Size() > maxEnvFile:
		return envFile{}, fmt.Errorf("%s is larger than %s", path, FormatSize(maxEnvFile))
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return envFile{}, fmt.Errorf("reading it: %w", err)
	}
	return parseEnvFile(path, data, variables)
}

func parseEnvFile(path string, data []byte, variables map[string]Variable) (envFile, error) {
	var undefined []string
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	escaped := reference.ReplaceAllFunc(data, func(match []byte) []byte {
		if string(match) == "$" {
			return []byte(literalDollar)
		}
		if name := reference.FindSubmatch(match)[2]; name != nil && match[0] != '\\' {
			undefined = append(undefined, string(name))
		}
		return match
	})
	parsed, err := dotenv.Parser().Unmarshal(escaped)
	if err != nil {
		// The parser's message quotes the file, and so perhaps a password.
		return envFile{}, fmt.Errorf("%s, line %d: not NAME=value; a value with spaces, quotes or # belongs into single quotes", path, firstBadLine(escaped))
	}
	file := envFile{values: map[string]any{}}
	for name, value := range parsed {
		file.names = append(file.names, name)
		text, _ := value.(string)
		text = clean(variables[name], strings.ReplaceAll(text, literalDollar, "$"))
		if text != "" {
			file.values[name] = text
		}
	}
	slices.Sort(file.names)
	slices.Sort(undefined)
	for _, name := range slices.Compact(undefined) {
		if _, ok := parsed[name]; !ok {
			file.warnings = append(file.warnings, fmt.Sprintf("%s refers to ${%s}, which it does not set: nothing takes its place.", path, name))
		}
	}
	return file, nil
}

// firstBadLine is the number of the first line that cannot follow those before
// it. A quoted value may span lines, so a beginning that does not parse is only
// bad when no longer one does.
func firstBadLine(data []byte) int {
	lines := bytes.SplitAfter(data, []byte("\n"))
	good, length := 0, 0
	for i, line := range lines {
		length += len(line)
		if _, err := dotenv.Parser().Unmarshal(data[:length]); err == nil {
			good = i + 1
		}
	}
	return good + 1
}
