package connectors

import (
	"strings"

	"semantik/platform/apperr"
)

var (
	// ErrUnknownType means that there is no connector of this type.
	ErrUnknownType = apperr.New(apperr.Malformed, "unknown_source_type",
		"The source type is not known.")

	// ErrNoPath means that nothing says which source is meant.
	ErrNoPath = apperr.New(apperr.Malformed, "source_path_missing",
		"Nothing says where the source is: give its path in source_config.")
)

// Located completes the locations of the fields that [Connector.Check] found wrong:
// prefix is where the configuration stands in the request, such as
// "body.source_config.". Any other error stays as it is.
func Located(err error, prefix string) error {
	e := apperr.From(err)
	if e == nil || e.Kind != apperr.Invalid || len(e.Fields) == 0 {
		return err
	}
	fields := make([]apperr.Field, len(e.Fields))
	for i, f := range e.Fields {
		f.Location = prefix + f.Location
		fields[i] = f
	}
	return apperr.InvalidFields(fields)
}

// unknownType is [ErrUnknownType] with the types that there are.
func unknownType(name string, known []string) error {
	return ErrUnknownType.
		WithMessagef("The source type %q is not known. Use one of: %s.", name, strings.Join(known, ", ")).
		WithDetail("known", known)
}
