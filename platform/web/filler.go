package web

import (
	"encoding"
	"encoding/json"
	"reflect"
	"sync"
)

// filler makes the nil slices of an answer empty, so that they are written as []
// and not as null. What a type needs is worked out once.
type filler struct {
	plans sync.Map // reflect.Type → *fillPlan
}

// fillPlan is what to do with the values of one type; do is nil for nothing.
type fillPlan struct {
	do func(v reflect.Value)
}

// value returns v with its nil slices made. The outermost struct is copied; what
// it points to is changed in place.
func (f *filler) value(v any) any {
	if v == nil {
		return nil
	}
	rv := reflect.ValueOf(v)
	plan := f.plan(rv.Type())
	if plan.do == nil {
		return v
	}
	if rv.Kind() != reflect.Pointer {
		copied := reflect.New(rv.Type()).Elem()
		copied.Set(rv)
		rv = copied
	}
	plan.do(rv)
	return rv.Interface()
}

func (f *filler) plan(t reflect.Type) *fillPlan {
	if known, ok := f.plans.Load(t); ok {
		if plan, ok := known.(*fillPlan); ok {
			return plan
		}
	}
	// Types that contain themselves meet their own plan while it is made.
	building := map[reflect.Type]*fillPlan{}
	plan := f.build(t, building)
	for t, p := range building {
		f.plans.LoadOrStore(t, p)
	}
	return plan
}

var (
	jsonMarshaler = reflect.TypeFor[json.Marshaler]()
	textMarshaler = reflect.TypeFor[encoding.TextMarshaler]()
)

func (f *filler) build(t reflect.Type, building map[reflect.Type]*fillPlan) *fillPlan {
	if p, ok := building[t]; ok {
		return p
	}
	plan := &fillPlan{}
	building[t] = plan
	pointer := reflect.PointerTo(t)
	if pointer.Implements(jsonMarshaler) || pointer.Implements(textMarshaler) {
		return plan
	}
	switch t.Kind() {
	case reflect.Pointer:
		elem := f.build(t.Elem(), building)
		if !needed(elem, t.Elem()) {
			return plan
		}
		// A pointer to a slice says that null is meant; what is in it is filled.
		list := t.Elem().Kind() == reflect.Slice
		plan.do = func(v reflect.Value) {
			if !v.IsNil() && elem.do != nil && (!list || !v.Elem().IsNil()) {
				elem.do(v.Elem())
			}
		}
	case reflect.Struct:
		plan.do = f.buildStruct(t, building)
	case reflect.Array:
		if elem := f.build(t.Elem(), building); needed(elem, t.Elem()) {
			plan.do = func(v reflect.Value) { each(v, elem) }
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			return plan // text in base64, or raw JSON
		}
		elem := f.build(t.Elem(), building)
		plan.do = func(v reflect.Value) {
			if v.IsNil() {
				v.Set(reflect.MakeSlice(t, 0, 0))
			}
			each(v, elem)
		}
	default:
		// Nothing else is null where the wire says it is not.
	}
	return plan
}

func each(list reflect.Value, elem *fillPlan) {
	if elem.do == nil {
		return
	}
	for i := range list.Len() {
		elem.do(list.Index(i))
	}
}

// needed reports whether a plan does something. One of a struct that is being
// built (a type that contains itself) may turn out to.
func needed(p *fillPlan, t reflect.Type) bool { return p.do != nil || t.Kind() == reflect.Struct }

func (f *filler) buildStruct(t reflect.Type, building map[reflect.Type]*fillPlan) func(reflect.Value) {
	type step struct {
		index int
		plan  *fillPlan
	}
	var steps []step
	for i := range t.NumField() {
		field := t.Field(i)
		promoted := field.Anonymous && field.Type.Kind() == reflect.Struct
		if (!field.IsExported() && !promoted) || field.Tag.Get("json") == "-" {
			continue
		}
		if p := f.build(field.Type, building); p.do != nil || needed(p, field.Type) || field.Type.Kind() == reflect.Pointer {
			steps = append(steps, step{index: i, plan: p})
		}
	}
	if len(steps) == 0 {
		return nil
	}
	return func(v reflect.Value) {
		for _, s := range steps {
			if s.plan.do != nil {
				s.plan.do(v.Field(s.index))
			}
		}
	}
}
