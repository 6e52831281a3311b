// Package filter reads conditions on metadata and says them again in PostgreSQL's
// language for paths in JSON.
//
// A filter is a JSON object whose members must all hold:
//
//	{"lang": "de"}                       equal
//	{"lang": ["de", "en"]}               equal to one of them
//	{"year": {"gte": 2020, "lt": 2024}}  an operator, or several
//	{"tags": {"any": ["a", "b"]}}        at least one of them, as a list by itself
//	{"tags": {"all": ["a", "b"]}}        each of them
//	{"author": {"name": "Ada"}}          a member of a member
//
// An operator may have a $ before it. Without one its word could be the name of a
// member as well, and what stands behind it decides: no operator takes an object, so
// {"range": {"in": {"eq": 5}}} asks for the member "in" of "range", and
// {"range": {"in": [5]}} for a range of 5. Words that are operators elsewhere, but not
// here, are refused rather than taken for members that nothing has.
//
// Where the metadata has a list, one of its elements is enough. Values are compared
// by type and exactly: 1 is 1.0 and not "1", capitals count, texts are ordered by
// their code points. A member that is not there is equal to nothing, not even to
// null.
//
// Names stand in the path as quoted strings and values in variables beside it, and
// both are bound as parameters: nothing in a filter can become an operator, let
// alone SQL. A filter that is not understood is an error, never dropped.
package filter

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"semantik/platform/database"
)

// Limits of a filter.
const (
	// MaxBytes bounds it as JSON.
	MaxBytes = 16 << 10
	// MaxDepth is how deep its members may be nested.
	MaxDepth = 8
	// MaxConditions is how many conditions it may have: an operator is one, and so is each
	// value of an "all".
	MaxConditions = 64
	// MaxValues is how many values one list may have.
	MaxValues = 256
	// MaxListed is how many values its lists may have together. With [MaxConditions] it
	// bounds what each document costs, of which there may be hundreds of thousands.
	MaxListed = 512
)

// Filter is a condition as PostgreSQL reads it.
type Filter struct {
	// Path is a jsonpath that is true or false; "" holds for everything.
	Path string
	// Vars are the values of its variables, a JSON object.
	Vars json.RawMessage
}

// Empty tells that the filter holds for everything.
func (f Filter) Empty() bool { return f.Path == "" }

// reader compiles a filter.
type reader struct {
	vars       map[string]any
	conditions int
	listed     int
}

// Parse reads a filter that is JSON already. Nothing, null and {} hold for
// everything. The error is a sentence for the one who asked.
func Parse(raw json.RawMessage) (Filter, error) {
	if problem := database.ObjectProblem(raw, MaxBytes); problem != "" {
		return Filter{}, fmt.Errorf("the filter %s", problem)
	}
	if len(bytes.TrimSpace(raw)) == 0 {
		return Filter{}, nil
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var members map[string]any
	if err := decoder.Decode(&members); err != nil {
		return Filter{}, fmt.Errorf("the filter is no JSON: %w", err)
	}
	if len(members) == 0 {
		return Filter{}, nil
	}
	r := reader{vars: map[string]any{}}
	conditions, err := r.members("$", "", members, 1)
	if err != nil {
		return Filter{}, err
	}
	vars, err := json.Marshal(r.vars)
	if err != nil {
		return Filter{}, fmt.Errorf("writing the filter's values: %w", err)
	}
	return Filter{Path: strings.Join(conditions, " && "), Vars: vars}, nil
}

// members compiles an object of names with their conditions. name is where it
// stands, for people.
func (r *reader) members(path, name string, members map[string]any, depth int) ([]string, error) {
	if depth > MaxDepth {
		return nil, fmt.Errorf("the filter is nested deeper than %d levels", MaxDepth)
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(members)) {
		if strings.HasPrefix(key, "$") {
			return nil, fmt.Errorf(`%s stands where a member of the metadata is expected; an operator stands inside the member that it is about, as in {"year": {"gte": 2020}}`, shown(key))
		}
		quoted, err := json.Marshal(key)
		if err != nil {
			return nil, fmt.Errorf("writing the name %s: %w", shown(key), err)
		}
		conditions, err := r.member(path+"."+string(quoted), join(name, key), members[key], depth)
		if err != nil {
			return nil, err
		}
		all = append(all, conditions...)
	}
	return all, nil
}

// member compiles what is asked of one member.
func (r *reader) member(path, name string, value any, depth int) ([]string, error) {
	object, is := value.(map[string]any)
	if !is {
		operator := "eq"
		if _, list := value.([]any); list {
			operator = "in"
		}
		return r.operators(path, name, map[string]any{operator: value})
	}
	operators, err := countOperators(name, object)
	switch {
	case err != nil:
		return nil, err
	case len(object) == 0:
		return nil, fmt.Errorf("nothing is asked of %s; give it a value or an operator", shown(name))
	case operators == 0:
		return r.members(path, name, object, depth+1)
	case operators < len(object):
		return nil, fmt.Errorf("%s mixes operators and members; they are two conditions (%s)", shown(name), asMember)
	default:
		return r.operators(path, name, object)
	}
}

// operators compiles the operators on one member. Those that ask for something ask
// it of the same element, where the metadata has a list.
func (r *reader) operators(path, name string, operators map[string]any) ([]string, error) {
	if err := oneType(name, operators); err != nil {
		return nil, err
	}
	var one, all []string
	for _, operator := range slices.Sorted(maps.Keys(operators)) {
		if err := r.count(1); err != nil {
			return nil, err
		}
		value := operators[operator]
		var condition string
		var err error
		switch word(operator) {
		case "eq", "ne":
			condition, err = r.equal(name, operator, value)
		case "in", "nin", "any":
			condition, err = r.anyOf(name, operator, value)
		case "all":
			conditions, err := r.each(path, name, operator, value)
			if err != nil {
				return nil, err
			}
			all = append(all, conditions...)
			continue
		case "gt", "gte", "lt", "lte":
			condition, err = r.compare(name, operator, value)
		case "exists":
			is, ok := value.(bool)
			if !ok {
				return nil, fmt.Errorf("%s of %s must be true or false", operator, shown(name))
			}
			all = append(all, not(!is)+"exists("+path+")")
			continue
		}
		if err != nil {
			return nil, err
		}
		if w := word(operator); w == "ne" || w == "nin" {
			all = append(all, "!exists("+path+" ? ("+condition+"))")
		} else {
			one = append(one, condition)
		}
	}
	if len(one) > 0 {
		all = append(all, "exists("+path+" ? ("+strings.Join(one, " && ")+"))")
	}
	return all, nil
}

func not(negated bool) string {
	if negated {
		return "!"
	}
	return ""
}

func (r *reader) equal(name, operator string, value any) (string, error) {
	switch value.(type) {
	case map[string]any, []any:
		return "", fmt.Errorf("%s of %s must be a string, a number, true, false or null", operator, shown(name))
	}
	return "@ == " + r.variable(value), nil
}

// count counts conditions.
func (r *reader) count(more int) error {
	if r.conditions += more; r.conditions > MaxConditions {
		return fmt.Errorf("the filter has more than %d conditions; each value of an \"all\" is one", MaxConditions)
	}
	return nil
}

// anyOf compares with the elements of one variable. A variable for each of them would be
// looked up for each of them, which takes ten times as long.
func (r *reader) anyOf(name, operator string, value any) (string, error) {
	values, err := r.list(name, operator, value)
	if err != nil {
		return "", err
	}
	if len(values) == 0 {
		return "1 == 0", nil // jsonpath has no "false"
	}
	return "@ == " + r.variable(values) + "[*]", nil
}

// each asks for every value of a list, whichever element is equal to it.
func (r *reader) each(path, name, operator string, value any) ([]string, error) {
	values, err := r.list(name, operator, value)
	if err != nil {
		return nil, err
	}
	if err := r.count(len(values) - 1); err != nil {
		return nil, err
	}
	conditions := make([]string, len(values))
	for i, v := range values {
		conditions[i] = "exists(" + path + " ? (@ == " + r.variable(v) + "))"
	}
	return conditions, nil
}

// list reads a list of values. An empty one is what a program makes of nothing
// chosen, and means it, for $in and $nin; in what reads "any of" and "all of" it is
// a mistake.
func (r *reader) list(name, operator string, value any) ([]any, error) {
	values, ok := value.([]any)
	if !ok {
		return nil, fmt.Errorf("%s of %s must be a list of values", operator, shown(name))
	}
	if len(values) > MaxValues {
		return nil, fmt.Errorf("%s of %s has more than %d values", operator, shown(name), MaxValues)
	}
	if w := word(operator); len(values) == 0 && (w == "any" || w == "all") {
		return nil, fmt.Errorf("%s of %s must list at least one value", operator, shown(name))
	}
	if r.listed += len(values); r.listed > MaxListed {
		return nil, fmt.Errorf("the lists of the filter have more than %d values together", MaxListed)
	}
	for _, v := range values {
		switch v.(type) {
		case map[string]any, []any:
			return nil, fmt.Errorf("the values listed for %s must be strings, numbers, true, false or null", shown(name))
		}
	}
	return values, nil
}

var comparisons = map[string]string{"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}

func (r *reader) compare(name, operator string, value any) (string, error) {
	switch value.(type) {
	case json.Number, string:
		return "@ " + comparisons[word(operator)] + " " + r.variable(value), nil
	default:
		return "", fmt.Errorf("%s of %s must be a number or a string", operator, shown(name))
	}
}

// variable puts a value beside the path, and gives its name there.
func (r *reader) variable(value any) string {
	name := "v" + strconv.Itoa(len(r.vars))
	r.vars[name] = value
	return "$" + name
}

func join(name, key string) string {
	if name == "" {
		return key
	}
	return name + "." + key
}

// shown is a name for people, cut where it is long.
func shown(name string) string {
	const most = 60
	if r := []rune(name); len(r) > most {
		name = string(r[:most]) + "…"
	}
	return strconv.Quote(name)
}
