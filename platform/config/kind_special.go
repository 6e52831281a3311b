package config

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const nameJWTSecretKey = "JWT_SECRET_KEY"

// MinKeyBytes is the least length of a key that signs tokens: that of the
// digest it is used with.
const MinKeyBytes = 32

// choice takes one of the words, in any case.
func choice(field func(*Config) *string, words ...string) kind {
	return kind{
		allowed: strings.Join(words, " or "),
		set: func(c *Config, raw string) error {
			word := strings.ToLower(raw)
			if !slices.Contains(words, word) {
				return errNotAllowed
			}
			*field(c) = word
			return nil
		},
	}
}

func databaseURL() kind {
	return kind{
		allowed: "postgresql://user:password@host:5432/database, with or without ?sslmode=require",
		set: func(c *Config, raw string) error {
			c.Database.URL = raw
			target, err := normaliseURL(raw)
			if err != nil {
				return err
			}
			c.databaseURL = target.url
			c.warnings = append(c.warnings, target.warnings...)
			return nil
		},
	}
}

// signingKeys never says more about a key than its position.
func signingKeys() kind {
	return kind{
		allowed: fmt.Sprintf("one or several keys of at least %d bytes, separated by commas", MinKeyBytes),
		set: func(c *Config, raw string) error {
			for i, key := range strings.Split(raw, ",") {
				key = strings.TrimSpace(key)
				if len(key) < MinKeyBytes {
					return fmt.Errorf("key %d has %d bytes", i+1, len(key))
				}
				if slices.Contains(c.Auth.Keys, key) {
					return fmt.Errorf("key %d is there twice", i+1)
				}
				c.Auth.Keys = append(c.Auth.Keys, key)
			}
			return nil
		},
	}
}

func logLevel() kind {
	levels := map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo,
		"warn": slog.LevelWarn, "warning": slog.LevelWarn,
		"error": slog.LevelError, "critical": slog.LevelError,
	}
	return kind{allowed: "debug, info, warn or error", set: func(c *Config, raw string) error {
		level, ok := levels[strings.ToLower(raw)]
		if !ok {
			return errNotAllowed
		}
		c.Log.Level = level
		return nil
	}}
}

// origins wants each origin spelled out: credentials are allowed to cross, and
// a wildcard would hand them to any site.
func origins() kind {
	return kind{
		allowed: "origins such as https://app.example.com, separated by commas, each without a path; * is not accepted because credentials are sent along",
		set: func(c *Config, raw string) error {
			for item := range strings.SplitSeq(raw, ",") {
				item = strings.TrimSpace(item)
				if item == "" {
					continue
				}
				u, err := url.Parse(strings.TrimSuffix(item, "/"))
				if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" ||
					strings.Contains(u.Host, "*") || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
					return fmt.Errorf("%q is not an origin", RedactURL(item))
				}
				origin := strings.ToLower(u.Scheme + "://" + u.Host)
				if !slices.Contains(c.HTTP.CORSOrigins, origin) {
					c.HTTP.CORSOrigins = append(c.HTTP.CORSOrigins, origin)
				}
			}
			return nil
		},
	}
}

var settingName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)?$`)

func postgresSettings() kind {
	return kind{
		allowed: "name=value pairs, separated by commas",
		set: func(c *Config, raw string) error {
			pairs, err := splitQuoted(raw)
			if err != nil {
				return err
			}
			for _, pair := range pairs {
				name, value, ok := strings.Cut(pair, "=")
				name, value = strings.TrimSpace(name), strings.TrimSpace(value)
				if !ok || !settingName.MatchString(name) || strings.ContainsAny(value, "\n\r\x00") {
					return fmt.Errorf("%q is not name=value", pair)
				}
				c.Store.PostgresSettings[strings.ToLower(name)] = value
			}
			return nil
		},
	}
}

// splitQuoted splits at commas outside of single quotes and removes the quotes;
// two quotes in a row inside a quoted part are one.
func splitQuoted(raw string) ([]string, error) {
	var parts []string
	var part strings.Builder
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch b := raw[i]; {
		case b == '\'' && quoted && i+1 < len(raw) && raw[i+1] == '\'':
			part.WriteByte(b)
			i++
		case b == '\'':
			quoted = !quoted
		case b == ',' && !quoted:
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(b)
		}
	}
	if quoted {
		return nil, errors.New("a single quote is not closed")
	}
	return slices.DeleteFunc(append(parts, part.String()), func(p string) bool { return strings.TrimSpace(p) == "" }), nil
}

func validAddr(raw string) error {
	_, port, err := net.SplitHostPort(raw)
	if err != nil {
		return errNotAllowed
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return errNotAllowed
	}
	return nil
}

// validLocalAddr takes an address of this machine alone.
func validLocalAddr(raw string) error {
	host, _, err := net.SplitHostPort(raw)
	if err != nil || validAddr(raw) != nil {
		return errNotAllowed
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return errNotAllowed
	}
	return nil
}

func validHost(raw string) error {
	if strings.HasPrefix(raw, "/") {
		return nil
	}
	if strings.ContainsAny(raw, "/@?# \t\n\x00,") {
		return errNotAllowed
	}
	if strings.Contains(raw, ":") && net.ParseIP(strings.Trim(raw, "[]")) == nil {
		return errors.New("the port belongs into POSTGRES_PORT")
	}
	return nil
}

func validPath(raw string) error {
	if strings.ContainsRune(raw, 0) {
		return errNotAllowed
	}
	return nil
}

var username = regexp.MustCompile(`^[A-Za-z0-9_]{3,64}$`)

func validUsername(raw string) error {
	if !username.MatchString(raw) {
		return errNotAllowed
	}
	return nil
}

func validPassword(raw string) error {
	if utf8.RuneCountInString(raw) < 8 {
		return errNotAllowed
	}
	return nil
}

// validInternalKey takes what a header can carry as it is.
func validInternalKey(raw string) error {
	if len(raw) < MinKeyBytes {
		return fmt.Errorf("it has %d characters", len(raw))
	}
	if strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errNotAllowed
	}
	return nil
}

// validWebAddress takes where something is posted to.
func validWebAddress(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return errNotAllowed
	}
	if u.User != nil {
		return errors.New("a password belongs into OTEL_EXPORTER_OTLP_HEADERS")
	}
	return nil
}

// absolute resolves "~/" and makes a path absolute.
func absolute(path string) (string, error) {
	if rest, ok := strings.CutPrefix(path, "~/"); ok {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", fmt.Errorf("finding the home folder for ~: %w", err)
		}
		path = filepath.Join(home, rest)
	}
	full, err := filepath.Abs(path)
	if err != nil {
		return "", fmt.Errorf("making the path absolute: %w", err)
	}
	return full, nil
}
