package connectors

import (
	"fmt"
	"maps"
	"slices"
)

// Registry has the connectors by their type. It does not change once it is made.
type Registry struct {
	byType map[string]Connector
}

// New makes a registry of these connectors. Two of one type are a mistake in the
// program, and end it.
func New(all ...Connector) *Registry {
	r := &Registry{byType: make(map[string]Connector, len(all))}
	for _, c := range all {
		name := c.Describe().Type
		if name == "" || r.byType[name] != nil {
			panic(fmt.Sprintf("connectors: the type %q is empty or there twice", name))
		}
		r.byType[name] = c
	}
	return r
}

// Get finds a connector; [ErrUnknownType] names those that there are.
func (r *Registry) Get(name string) (Connector, error) {
	if c, ok := r.byType[name]; ok {
		return c, nil
	}
	return nil, unknownType(name, r.Types())
}

// Types lists the types in the order of their names.
func (r *Registry) Types() []string { return slices.Sorted(maps.Keys(r.byType)) }

// Descriptions lists what the connectors say of themselves, in the same order.
func (r *Registry) Descriptions() []Description {
	types := r.Types()
	all := make([]Description, len(types))
	for i, name := range types {
		all[i] = r.byType[name].Describe()
	}
	return all
}
