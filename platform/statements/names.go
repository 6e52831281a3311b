package statements

import (
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

const (
	// depth is how much of the stack is looked at: from a statement to the repository that
	// sends it there are some twenty frames of libraries.
	depth = 40
	// maxStacks bounds how many stacks are remembered; what comes after is looked up each
	// time.
	maxStacks = 8192
	// maxNames bounds how many names there are, should there be a mistake in how they are
	// made; what comes after is [nameOther].
	maxNames = 500

	house     = "semantik/"
	nameOther = "other"
	nameQueue = "queue"
)

// passed are packages through which statements go on their way and whose functions say
// nothing about them.
var passed = []string{house + "platform/database.", house + "platform/statements."}

// names finds the names of statements. The stacks that were seen are kept in a map that is
// copied when there is a new one, so that a look at it takes no lock.
type names[T any] struct {
	make func(name string) *T

	mu     sync.Mutex
	byName map[string]*T
	stacks atomic.Pointer[map[uint64]*T]
}

func newNames[T any](fn func(name string) *T) *names[T] {
	n := &names[T]{make: fn, byName: map[string]*T{}}
	n.stacks.Store(&map[uint64]*T{})
	return n
}

// of gives what belongs to the statement that is being sent.
func (n *names[T]) of(sql string) *T {
	if name := transactional(sql); name != "" {
		return n.named(name)
	}
	var frames [depth]uintptr
	stack := frames[:runtime.Callers(3, frames[:])]
	key := uint64(14695981039346656037) // FNV-1a, of the addresses
	for _, pc := range stack {
		key = (key ^ uint64(pc)) * 1099511628211
	}
	if found := (*n.stacks.Load())[key]; found != nil {
		return found
	}
	// A copy, so that what is looked at each time needs no memory of its own.
	found := n.named(nameOf(slices.Clone(stack)))
	n.keep(key, found)
	return found
}

func (n *names[T]) named(name string) *T {
	n.mu.Lock()
	defer n.mu.Unlock()
	if found := n.byName[name]; found != nil {
		return found
	}
	if len(n.byName) >= maxNames {
		name = nameOther
		if found := n.byName[name]; found != nil {
			return found
		}
	}
	made := n.make(name)
	n.byName[name] = made
	return made
}

func (n *names[T]) keep(key uint64, found *T) {
	n.mu.Lock()
	defer n.mu.Unlock()
	old := *n.stacks.Load()
	if len(old) >= maxStacks {
		return
	}
	stacks := maps.Clone(old)
	stacks[key] = found
	n.stacks.Store(&stacks)
}

// transactional is the name of a statement that is a transaction's own, "" for another.
func transactional(sql string) string {
	if len(sql) < len("begin") {
		return ""
	}
	switch sql[0] | 0x20 {
	case 'b':
		if begins(sql, "begin") {
			return "begin"
		}
	case 'c':
		if begins(sql, "commit") {
			return "commit"
		}
	case 'r':
		switch {
		case begins(sql, "rollback"):
			return "rollback"
		case begins(sql, "release"):
			return "savepoint"
		}
	case 's':
		if begins(sql, "savepoint") {
			return "savepoint"
		}
	}
	return ""
}

func begins(sql, word string) bool {
	return len(sql) >= len(word) && strings.EqualFold(sql[:len(word)], word)
}

// nameOf is the function of ours that is nearest to the statement and is seen from outside
// of its package: a repository's method rather than what it is made of.
func nameOf(stack []uintptr) string {
	fallback := nameOther
	frames := runtime.CallersFrames(stack)
	for more := true; more; {
		var frame runtime.Frame
		frame, more = frames.Next()
		name, exported := functionName(frame.Function)
		switch {
		case exported:
			return name
		case name != "" && fallback == nameOther:
			fallback = name
		case fallback == nameOther && strings.HasPrefix(frame.Function, "github.com/riverqueue/"):
			fallback = nameQueue
		}
	}
	return fallback
}

// functionName shortens "semantik/modules/chunks.(*Repository).Search.func1" to
// "chunks.Search"; "" for what is not ours or only passes statements on.
func functionName(function string) (name string, exported bool) {
	if !strings.HasPrefix(function, house) {
		return "", false
	}
	for _, p := range passed {
		if strings.HasPrefix(function, p) {
			return "", false
		}
	}
	within := function[strings.LastIndexByte(function, '/')+1:]
	pkg, rest, _ := strings.Cut(within, ".")
	if strings.HasPrefix(rest, "(") {
		if _, method, ok := strings.Cut(rest, ")."); ok {
			rest = method
		}
	}
	rest, _, _ = strings.Cut(rest, "[") // the types of a generic one
	parts := strings.Split(rest, ".")
	last := parts[0]
	if len(parts) > 1 && !isClosure(parts[1]) { // a method of a value: Type.Method
		last = parts[1]
	}
	first, _ := utf8.DecodeRuneInString(last)
	return pkg + "." + last, unicode.IsUpper(first)
}

// isClosure reports whether a part of a function's name was made by the compiler.
func isClosure(part string) bool {
	return part == "" || strings.HasPrefix(part, "func") || strings.HasPrefix(part, "gowrap") || strings.HasPrefix(part, "deferwrap") || isDigit(part[0])
}
