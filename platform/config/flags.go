package config

import (
	"slices"

	"github.com/spf13/pflag"
)

// EnvFileFlag names the flag for [Options.EnvFile].
const EnvFileFlag = "env-file"

// AddFlags declares a flag for each variable, or only for those named, and
// --env-file. Secrets have none: a command line shows in the list of processes.
// Defaults are left to [Load], so that a flag counts only when it was given.
func AddFlags(flags *pflag.FlagSet, names ...string) {
	for _, v := range Variables() {
		if v.Flag == "" || (len(names) > 0 && !slices.Contains(names, v.Name)) || flags.Lookup(v.Flag) != nil {
			continue
		}
		flags.String(v.Flag, "", flagUsage(v))
		if v.IsBool() {
			flags.Lookup(v.Flag).NoOptDefVal = "true"
		}
	}
	if flags.Lookup(EnvFileFlag) == nil {
		flags.String(EnvFileFlag, "", "file with settings as NAME=value lines (default \".env\" if there is one)")
	}
}

// FromFlags is the [Options] for a command whose flags were declared by
// [AddFlags] and are parsed.
func FromFlags(flags *pflag.FlagSet) Options {
	options := Options{Flags: flags}
	if f := flags.Lookup(EnvFileFlag); f != nil {
		options.EnvFile = f.Value.String()
	}
	return options
}

func flagUsage(v Variable) string {
	usage := v.Description + " [" + v.Name + "]"
	switch {
	case v.Default != "":
		usage += " (default " + v.Default + ")"
	case v.DefaultText != "":
		usage += " (default: " + v.DefaultText + ")"
	}
	return usage
}
