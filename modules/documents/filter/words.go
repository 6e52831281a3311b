package filter

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Operators are those that there are, in the order in which people are told.
var Operators = []string{"$eq", "$ne", "$gt", "$gte", "$lt", "$lte", "$in", "$nin", "$exists", "$any", "$all"}

// foreign are operators of other languages that people try. A member could have such a
// name, but a filter that is not understood must not look like one that finds nothing.
var foreign = []string{
	"and", "or", "not", "nor", "none", "neq", "notin", "not_in", "regex", "regexp", "match", "like", "ilike",
	"contains", "startswith", "endswith", "between",
}

// asMember says how to ask for a member whose name is a word of the language.
const asMember = `a member whose name is that of an operator is asked for with an operator inside, as in {"range": {"in": {"eq": 5}}}`

// word is an operator without its $.
func word(operator string) string { return strings.TrimPrefix(operator, "$") }

// countOperators tells how many members of an object are operators: what begins with a
// $, and the words of operators unless an object stands behind them. The error is for
// one that there is not.
func countOperators(name string, object map[string]any) (int, error) {
	n := 0
	for _, key := range slices.Sorted(maps.Keys(object)) {
		_, nested := object[key].(map[string]any)
		known := slices.Contains(Operators, "$"+word(key))
		switch marked := strings.HasPrefix(key, "$"); {
		case marked && !known:
			return 0, fmt.Errorf("%s of %s is no operator; there are %s", shown(key), shown(name), strings.Join(Operators, ", "))
		case marked, known && !nested:
			n++
		case !nested && slices.Contains(foreign, strings.ToLower(key)):
			return 0, fmt.Errorf("%s of %s is no operator; there are %s, with or without the $ (%s)",
				shown(key), shown(name), strings.Join(Operators, ", "), asMember)
		}
	}
	return n, nil
}

// oneType refuses bounds of which one is a number and another a text: nothing is
// on the right side of both.
func oneType(name string, operators map[string]any) error {
	var text, number bool
	for operator, value := range operators {
		if _, is := comparisons[word(operator)]; !is {
			continue
		}
		_, isText := value.(string)
		_, isNumber := value.(json.Number)
		text, number = text || isText, number || isNumber
	}
	if text && number {
		return fmt.Errorf("%s is compared with a number and with a string; nothing is both", shown(name))
	}
	return nil
}
