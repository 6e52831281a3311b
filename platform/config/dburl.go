package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// target is a database URL in the form pgx reads, with what is worth a warning.
type target struct {
	url      string
	warnings []string
}

// errURLSyntax does not repeat the URL: it holds a password.
var errURLSyntax = errors.New("it cannot be parsed; in a user name or password the characters @ : / ? # [ ] % must be percent-encoded, @ as %40")

// driverParameters are settings of Python drivers that PostgreSQL does not
// know. It would refuse the connection because of them.
var driverParameters = []string{
	"async_fallback", "command_timeout", "max_cached_statement_lifetime", "max_cacheable_statement_size",
	"prepared_statement_cache_size", "prepared_statement_name_func", "statement_cache_size", "timeout",
}

// normaliseURL accepts the spellings that Python drivers use: a driver after a
// plus sign in the scheme, and ssl= for sslmode=.
func normaliseURL(raw string) (target, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return target{}, errors.New("it has no scheme")
	}
	base, _, _ := strings.Cut(strings.ToLower(scheme), "+")
	if base != "postgres" && base != "postgresql" {
		return target{}, errors.New("its scheme is not postgres or postgresql")
	}
	u, err := url.Parse("postgres://" + rest)
	if err != nil || u.Fragment != "" || strings.HasSuffix(rest, "#") {
		return target{}, errURLSyntax
	}
	query, err := url.ParseQuery(u.RawQuery)
	if err != nil {
		return target{}, errURLSyntax
	}
	var warnings []string
	if err := translateSSL(query); err != nil {
		return target{}, err
	}
	for _, name := range driverParameters {
		if query.Has(name) {
			query.Del(name)
			warnings = append(warnings, fmt.Sprintf("DATABASE_URL: %s is a setting of another driver and is ignored.", name))
		}
	}
	u.RawQuery = query.Encode()
	return checkURL(u, warnings)
}

// translateSSL turns asyncpg's ssl= into sslmode=.
func translateSSL(query url.Values) error {
	if !query.Has("ssl") {
		return nil
	}
	mode := strings.ToLower(query.Get("ssl"))
	switch mode {
	case "true", "on", "yes", "1":
		mode = "require"
	case "false", "off", "no", "0":
		mode = "disable"
	}
	if !slices.Contains([]string{"disable", "allow", "prefer", "require", "verify-ca", "verify-full"}, mode) {
		return errors.New("ssl is none of disable, allow, prefer, require, verify-ca, verify-full, true, false")
	}
	if query.Has("sslmode") && query.Get("sslmode") != mode {
		return errors.New("ssl and sslmode contradict each other")
	}
	query.Set("sslmode", mode)
	query.Del("ssl")
	return nil
}

// checkURL lets pgx read the URL, and looks at where it would connect to.
func checkURL(u *url.URL, warnings []string) (target, error) {
	config, err := pgconn.ParseConfig(u.String())
	if err != nil {
		return target{}, errors.New("it cannot be used: " + scrub(reason(err), u))
	}
	if config.Database == "" {
		return target{}, errors.New("it names no database")
	}
	hosts := []*pgconn.FallbackConfig{{Host: config.Host, TLSConfig: config.TLSConfig}}
	for _, host := range append(hosts, config.Fallbacks...) {
		if host.TLSConfig == nil && !isLocal(host.Host) {
			warnings = append(warnings, fmt.Sprintf(
				"The connection to the database on %s may be unencrypted, and its password and all data readable on the way. Add sslmode=require or better to the database URL.", host.Host))
			break
		}
	}
	return target{url: u.String(), warnings: warnings}, nil
}

// reason is the innermost message of an error; the outer ones repeat the URL.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}

func scrub(message string, u *url.URL) string {
	if password, ok := u.User.Password(); ok && password != "" {
		message = strings.ReplaceAll(message, password, mask)
	}
	return RedactURL(message)
}

func isLocal(host string) bool {
	if host == "" || strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") || strings.EqualFold(host, "localhost") {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}

// composeURL joins the POSTGRES_ variables. ok is false when none is set.
func (d *Database) composeURL() (u *url.URL, ok bool) {
	if d.Host == "" && d.Port == 0 && d.Name == "" && d.User == "" && d.Password == "" {
		return nil, false
	}
	host, port, name, user := d.Host, d.Port, d.Name, d.User
	if host == "" {
		host = "localhost"
	}
	if port == 0 {
		port = 5432
	}
	if name == "" {
		name = "semantik"
	}
	if user == "" {
		user = "semantik"
	}
	u = &url.URL{Scheme: "postgres", User: url.User(user), Path: "/" + name}
	if d.Password != "" {
		u.User = url.UserPassword(user, d.Password)
	}
	if strings.HasPrefix(host, "/") {
		u.RawQuery = url.Values{"host": {host}, "port": {strconv.Itoa(port)}}.Encode()
	} else {
		u.Host = net.JoinHostPort(strings.Trim(host, "[]"), strconv.Itoa(port))
	}
	return u, true
}
