package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// kind parses a value into its field. allowed completes the sentence "must be".
type kind struct {
	allowed string
	isBool  bool
	set     func(c *Config, raw string) error
}

// errNotAllowed stands for "see what is allowed"; other errors say more.
var errNotAllowed = errors.New("not allowed")

func text(allowed string, field func(*Config) *string, valid func(string) error) kind {
	return kind{allowed: allowed, set: func(c *Config, raw string) error {
		if valid != nil {
			if err := valid(raw); err != nil {
				return err
			}
		}
		*field(c) = raw
		return nil
	}}
}

func integer(low, high int, field func(*Config) *int) kind {
	return kind{
		allowed: fmt.Sprintf("a whole number from %d to %d", low, high),
		set: func(c *Config, raw string) error {
			n, err := strconv.Atoi(raw)
			if err != nil || n < low || n > high {
				return errNotAllowed
			}
			*field(c) = n
			return nil
		},
	}
}

func boolean(field func(*Config) *bool) kind {
	return kind{
		allowed: "true or false",
		isBool:  true,
		set: func(c *Config, raw string) error {
			switch strings.ToLower(raw) {
			case "true", "1", "yes", "on", "t", "y":
				*field(c) = true
			case "false", "0", "no", "off", "f", "n":
				*field(c) = false
			default:
				return errNotAllowed
			}
			return nil
		},
	}
}

// duration takes a number of units, or a Go duration.
func duration(unit, low, high time.Duration, field func(*Config) *time.Duration) kind {
	return kind{
		allowed: fmt.Sprintf("a number of %s or a duration such as %q, from %s to %s",
			unitName(unit), "1m30s", shortDuration(low), shortDuration(high)),
		set: func(c *Config, raw string) error {
			d, err := parseDuration(raw, unit)
			if err != nil || d < low || d > high {
				return errNotAllowed
			}
			*field(c) = d
			return nil
		},
	}
}

func parseDuration(raw string, unit time.Duration) (time.Duration, error) {
	if n, err := strconv.ParseFloat(raw, 64); err == nil {
		ns := n * float64(unit)
		if math.IsNaN(ns) || math.Abs(ns) >= math.MaxInt64 {
			return 0, errNotAllowed
		}
		return time.Duration(ns), nil
	}
	return time.ParseDuration(raw)
}

func unitName(unit time.Duration) string {
	switch unit {
	case time.Millisecond:
		return "milliseconds"
	case time.Second:
		return "seconds"
	case time.Minute:
		return "minutes"
	default:
		return "days"
	}
}

// shortDuration writes whole days as days and drops the zeros of "1h0m0s".
func shortDuration(d time.Duration) string {
	const day = 24 * time.Hour
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%d days", d/day)
	}
	s := d.String()
	if cut, ok := strings.CutSuffix(s, "m0s"); ok {
		s = cut + "m"
	}
	if cut, ok := strings.CutSuffix(s, "h0m"); ok {
		s = cut + "h"
	}
	return s
}

// size takes bytes, or a number with a unit: KiB, MiB, GiB, or KB, MB, GB for
// powers of ten.
func size(low, high int64, field func(*Config) *int64) kind {
	return kind{
		allowed: fmt.Sprintf("a number of bytes or a size such as %q, from %s to %s",
			"100MiB", FormatSize(low), FormatSize(high)),
		set: func(c *Config, raw string) error {
			n, err := parseSize(raw)
			if err != nil || n < low || n > high {
				return errNotAllowed
			}
			*field(c) = n
			return nil
		},
	}
}

func parseSize(raw string) (int64, error) {
	s := strings.ToLower(strings.TrimSpace(raw))
	factor := int64(1)
	for _, unit := range []struct {
		suffix string
		factor int64
	}{
		{"kib", 1 << 10}, {"mib", 1 << 20}, {"gib", 1 << 30}, {"tib", 1 << 40},
		{"kb", 1e3}, {"mb", 1e6}, {"gb", 1e9}, {"tb", 1e12}, {"b", 1},
	} {
		if cut, ok := strings.CutSuffix(s, unit.suffix); ok {
			s, factor = strings.TrimSpace(cut), unit.factor
			break
		}
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		if n > math.MaxInt64/factor || n < 0 {
			return 0, errNotAllowed
		}
		return n * factor, nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil || math.IsNaN(f) || f < 0 || f*float64(factor) >= math.MaxInt64 {
		return 0, errNotAllowed
	}
	return int64(f * float64(factor)), nil
}

// FormatSize writes a number of bytes with the largest binary unit that fits it
// exactly: 104857600 becomes "100MiB".
func FormatSize(n int64) string {
	for _, unit := range []struct {
		factor int64
		name   string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.factor && n%unit.factor == 0 {
			return strconv.FormatInt(n/unit.factor, 10) + unit.name
		}
	}
	return strconv.FormatInt(n, 10) + "B"
}
