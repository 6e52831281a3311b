package config

import "strings"

// Source says where a value came from.
type Source string

// The sources, from the weakest to the strongest.
const (
	SourceDefault     Source = "default"
	SourceFile        Source = ".env"
	SourceEnvironment Source = "environment"
	SourceFlag        Source = "flag"
)

// Variable is one setting: how it is spelled, what it means and what it may be.
type Variable struct {
	// Name is the environment variable, such as "DB_POOL_SIZE".
	Name string
	// Flag is the command-line flag without its dashes; "" for a variable that
	// has none because its value would show in the list of processes.
	Flag string
	// Group is the heading under which documentation lists it.
	Group string
	// Default is the value when nothing is set; "" when there is none.
	Default string
	// DefaultText describes a default that is found out at the start.
	DefaultText string
	// Secret values are never shown.
	Secret bool
	// Description is one sentence.
	Description string

	kind kind
}

// Allowed says which values are accepted, as in "must be …".
func (v Variable) Allowed() string { return v.kind.allowed }

// IsBool reports whether the value is true or false, so that a flag may stand
// without a value.
func (v Variable) IsBool() bool { return v.kind.isBool }

// show gives the value in the form that people may see.
func (v Variable) show(value string) string {
	switch {
	case value == "":
		return ""
	case v.Secret:
		return mask
	case v.Name == nameDatabaseURL:
		return RedactURL(value)
	default:
		return value
	}
}

// flagOf derives the flag from the variable: SEMANTIK_DATA becomes "data".
func flagOf(name string) string {
	name = strings.TrimPrefix(name, "SEMANTIK_")
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// Variables is the table of all settings, in the order of the documentation.
func Variables() []Variable {
	var all []Variable
	for _, group := range []struct {
		title     string
		variables []Variable
	}{
		{"Database", databaseVariables()},
		{"Embedded PostgreSQL", storeVariables()},
		{"HTTP server", httpVariables()},
		{"Sign-in", authVariables()},
		{"Watching", watchVariables()},
		{"Sources", sourceVariables()},
		{"Limits", limitVariables()},
		{"Rate limits", rateLimitVariables()},
		{"Background work", operationVariables()},
		{"Audit log", auditVariables()},
		{"Retention", retentionVariables()},
		{"Log", logVariables()},
	} {
		for _, v := range group.variables {
			v.Group = group.title
			if !v.Secret {
				v.Flag = flagOf(v.Name)
			}
			all = append(all, v)
		}
	}
	return all
}
