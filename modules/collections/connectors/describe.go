package connectors

// Description is what a client needs for a form in which a source is added.
type Description struct {
	// Type is the connector's name: the column source_type.
	Type        string
	Name        string
	Description string
	// Icon is the name of a picture that consoles know.
	Icon string
	// Fields are those of the configuration, in the order in which they are asked for.
	Fields []Field
	// Secrets are fields that are stored apart and never given back.
	Secrets []Field
	// SupportsSync says that the source can be read again to see what has changed.
	SupportsSync bool
	// PreviewEndpoint is the path of the route that shows what a source has before it
	// is added; "" where there is none.
	PreviewEndpoint string
}

// Kinds of fields.
const (
	FieldText     = "text"
	FieldBoolean  = "boolean"
	FieldGlobList = "glob_list"
)

// Field is one field of a form.
type Field struct {
	Name string
	// Type is how it is asked for: [FieldText] and so on.
	Type        string
	Label       string
	Description string
	Required    bool
	// Default is the value of a field that is not given; nil for none.
	Default     any
	Placeholder string
}
