package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// RateLimits say how often something may be asked for.
type RateLimits struct {
	Disabled    bool
	General     Rate // all that one user does, or comes from one address without a user
	Search      Rate
	Login       Rate
	Register    Rate
	Refresh     Rate
	Collections Rate // made and deleted
	APIKeys     Rate // made
	// Uploads is how many requests that load data this process works on at once.
	Uploads int
}

// Rate is so many in so long.
type Rate struct {
	Count int
	Per   time.Duration
}

func rateLimitVariables() []Variable {
	return []Variable{
		{Name: "DISABLE_RATE_LIMITING", Default: "false",
			Description: "Count nothing and refuse nobody for asking too often, not even those who guess passwords.",
			kind:        boolean(func(c *Config) *bool { return &c.RateLimits.Disabled })},
		{Name: "TRUSTED_PROXIES",
			Description: "Addresses and networks, separated by commas, of the proxies before this server. They alone are believed when they say in X-Forwarded-For whom they speak for; without them all who come through a proxy count as one address.",
			kind:        trustedProxies()},
		{Name: "RATE_LIMIT_GENERAL", Default: "1000/minute",
			Description: "Requests of one user, or without one of one address. An IPv6 address counts with the /64 that it is in. Uploads are not counted; what is no operation of the API, such as an address that is not there, counts by address and apart.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.General })},
		{Name: "RATE_LIMIT_SEARCH", Default: "120/minute",
			Description: "Searches of one user.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.Search })},
		{Name: "RATE_LIMIT_LOGIN", Default: "10/minute",
			Description: "Log-ins from one address, and wrong passwords for one name.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.Login })},
		{Name: "RATE_LIMIT_REGISTER", Default: "10/minute",
			Description: "Registrations from one address, and for one name.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.Register })},
		{Name: "RATE_LIMIT_REFRESH", Default: "60/minute",
			Description: "Tokens that are refreshed from one address.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.Refresh })},
		{Name: "RATE_LIMIT_COLLECTIONS", Default: "60/minute",
			Description: "Collections that one user makes; as many may be deleted.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.Collections })},
		{Name: "RATE_LIMIT_API_KEYS", Default: "20/hour",
			Description: "API keys that one user makes.",
			kind:        rate(func(c *Config) *Rate { return &c.RateLimits.APIKeys })},
		{Name: "MAX_CONCURRENT_UPLOADS", Default: "32",
			Description: "Uploads that this process works on at once; one user has half of them at the most. Further ones wait a little, and are then told to come back.",
			kind:        integer(1, 10_000, func(c *Config) *int { return &c.RateLimits.Uploads })},
	}
}

// maxRate bounds a rate: more in a unit of time is no limit.
const maxRate = 1_000_000

// rate takes a number and a unit of time.
func rate(field func(*Config) *Rate) kind {
	units := map[string]time.Duration{
		"s": time.Second, "second": time.Second, "min": time.Minute, "minute": time.Minute,
		"h": time.Hour, "hour": time.Hour, "day": 24 * time.Hour,
	}
	return kind{
		allowed: "a number and a unit of time, such as 100/minute; units are second, minute, hour and day",
		set: func(c *Config, raw string) error {
			number, unit, ok := strings.Cut(raw, "/")
			count, err := strconv.Atoi(strings.TrimSpace(number))
			per := units[strings.ToLower(strings.TrimSpace(unit))]
			if !ok || err != nil || per == 0 || count < 1 || count > maxRate {
				return errNotAllowed
			}
			*field(c) = Rate{Count: count, Per: per}
			return nil
		},
	}
}

func trustedProxies() kind {
	return kind{
		allowed: "addresses such as 10.0.0.7 and networks such as 10.0.0.0/8 or fd00::/8, separated by commas",
		set: func(c *Config, raw string) error {
			for item := range strings.SplitSeq(raw, ",") {
				if item = strings.TrimSpace(item); item == "" {
					continue
				}
				prefix, err := parseNetwork(item)
				if err != nil {
					return err
				}
				c.HTTP.TrustedProxies = append(c.HTTP.TrustedProxies, prefix)
				if prefix.Bits() == 0 {
					c.warnings = append(c.warnings, "TRUSTED_PROXIES has "+item+": everybody is believed about where they come from, and nobody is held to a limit by address.")
				}
			}
			return nil
		},
	}
}

// parseNetwork reads a network, or an address as the network of it alone.
func parseNetwork(item string) (netip.Prefix, error) {
	prefix, err := netip.ParsePrefix(item)
	if err != nil {
		ip, err := netip.ParseAddr(item)
		if err != nil {
			return prefix, fmt.Errorf("%q is neither an address nor a network", item)
		}
		ip = ip.WithZone("").Unmap()
		return netip.PrefixFrom(ip, ip.BitLen()), nil
	}
	if masked := prefix.Masked(); masked != prefix {
		return prefix, fmt.Errorf("%q has bits behind its mask; %s is the network", item, masked)
	}
	if ip := prefix.Addr(); ip.Is4In6() {
		return prefix, fmt.Errorf("%q is an IPv4 network in IPv6 form; write it as IPv4", item)
	}
	return prefix, nil
}
