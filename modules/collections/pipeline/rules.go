package pipeline

import (
	"fmt"
	"slices"
	"strings"
)

// Rule is what a graph must keep to.
type Rule string

// The rules.
const (
	// Form: the members are of the types that they should be.
	Form Rule = "form"
	// UniqueIDs: every node has an id of its own, which is not that of the source.
	UniqueIDs Rule = "unique_ids"
	// KnownTypes: every node is of a known type and names its plugin.
	KnownTypes Rule = "known_types"
	// OneEmbedder: exactly one node is an embedder.
	OneEmbedder Rule = "one_embedder"
	// KnownNodes: every edge leads from a node, or the source, to a node.
	KnownNodes Rule = "known_nodes"
	// NoCycle: no way leads back to where it began.
	NoCycle Rule = "no_cycle"
	// Reachable: a way leads from the source to every node.
	Reachable Rule = "reachable"
	// ReachesEmbedder: a way leads from every node to the embedder.
	ReachesEmbedder Rule = "reaches_embedder"
	// OneCatchAll: exactly one edge from the source, parallel ones aside, takes
	// every file that no other takes.
	OneCatchAll Rule = "one_catch_all"
	// UniquePathNames: parallel edges from one node lead to paths of different
	// names.
	UniquePathNames Rule = "unique_path_names"
)

// Broken says which rule a graph breaks, and how.
type Broken struct {
	Rule Rule
	// Message is for people.
	Message string
}

func broken(rule Rule, format string, args ...any) *Broken {
	return &Broken{Rule: rule, Message: fmt.Sprintf(format, args...)}
}

// rules are the checks in their order: each may rely on those before it.
var rules = []func(Graph) *Broken{
	form, uniqueIDs, knownTypes, oneEmbedder, knownNodes, noCycle, reachable, reachesEmbedder, oneCatchAll, uniquePathNames,
}

// Check reads a graph and names the first rule that it breaks; nil if there is
// none.
func Check(text []byte) *Broken {
	g, err := read(text)
	if err != nil {
		return broken(Form, "The pipeline is not in the right form: %s.", err)
	}
	for _, rule := range rules {
		if b := rule(g); b != nil {
			return b
		}
	}
	return nil
}

func form(g Graph) *Broken {
	if len(g.Nodes) == 0 {
		return broken(Form, "The pipeline has no nodes.")
	}
	for _, n := range g.Nodes {
		if !isObject(n.Config) {
			return broken(Form, "The config of the node %q is no object.", n.ID)
		}
	}
	for _, e := range g.Edges {
		if !isObject(e.When) {
			return broken(Form, "The condition of the edge from %q to %q is no object.", e.From, e.To)
		}
	}
	return nil
}

func uniqueIDs(g Graph) *Broken {
	seen := map[string]bool{Source: true}
	for _, n := range g.Nodes {
		switch {
		case strings.TrimSpace(n.ID) == "":
			return broken(UniqueIDs, "A node of the pipeline has no id.")
		case n.ID == Source:
			return broken(UniqueIDs, "The id %q is that of the entry; no node may have it.", Source)
		case seen[n.ID]:
			return broken(UniqueIDs, "Two nodes have the id %q.", n.ID)
		}
		seen[n.ID] = true
	}
	return nil
}

func knownTypes(g Graph) *Broken {
	for _, n := range g.Nodes {
		if !slices.Contains([]NodeType{Parser, Chunker, Extractor, Embedder}, n.Type) {
			return broken(KnownTypes, "The node %q is of the type %q; it must be parser, chunker, extractor or embedder.", n.ID, n.Type)
		}
		if strings.TrimSpace(n.PluginID) == "" {
			return broken(KnownTypes, "The node %q has no plugin_id.", n.ID)
		}
	}
	return nil
}

func oneEmbedder(g Graph) *Broken {
	found := 0
	for _, n := range g.Nodes {
		if n.Type == Embedder {
			found++
		}
	}
	if found != 1 {
		return broken(OneEmbedder, "The pipeline has %d embedders; it must have exactly one.", found)
	}
	return nil
}

func knownNodes(g Graph) *Broken {
	nodes := map[string]bool{}
	for _, n := range g.Nodes {
		nodes[n.ID] = true
	}
	for _, e := range g.Edges {
		if e.From != Source && !nodes[e.From] {
			return broken(KnownNodes, "An edge leads from %q, which is no node of the pipeline.", e.From)
		}
		if !nodes[e.To] {
			return broken(KnownNodes, "An edge leads to %q, which is no node of the pipeline.", e.To)
		}
	}
	return nil
}

// noCycle takes away, again and again, a node that no edge leads to; what is left
// in the end goes in circles.
func noCycle(g Graph) *Broken {
	next, arriving := map[string][]string{}, map[string]int{}
	for _, e := range g.Edges {
		next[e.From] = append(next[e.From], e.To)
		arriving[e.To]++
	}
	free := []string{Source}
	for _, n := range g.Nodes {
		if arriving[n.ID] == 0 {
			free = append(free, n.ID)
		}
	}
	for len(free) > 0 {
		node := free[len(free)-1]
		free = free[:len(free)-1]
		for _, to := range next[node] {
			if arriving[to]--; arriving[to] == 0 {
				free = append(free, to)
			}
		}
	}
	for _, n := range g.Nodes {
		if arriving[n.ID] > 0 {
			return broken(NoCycle, "The pipeline goes in a circle that the node %q is part of, or follows.", n.ID)
		}
	}
	return nil
}

func reachable(g Graph) *Broken {
	next := map[string][]string{}
	for _, e := range g.Edges {
		next[e.From] = append(next[e.From], e.To)
	}
	found := from(Source, next)
	for _, n := range g.Nodes {
		if !found[n.ID] {
			return broken(Reachable, "No way leads from %s to the node %q.", Source, n.ID)
		}
	}
	return nil
}

func reachesEmbedder(g Graph) *Broken {
	back := map[string][]string{}
	for _, e := range g.Edges {
		back[e.To] = append(back[e.To], e.From)
	}
	embedder := g.Nodes[slices.IndexFunc(g.Nodes, func(n Node) bool { return n.Type == Embedder })]
	found := from(embedder.ID, back)
	for _, n := range g.Nodes {
		if !found[n.ID] {
			return broken(ReachesEmbedder, "No way leads from the node %q to the embedder %q.", n.ID, embedder.ID)
		}
	}
	return nil
}

// from are the nodes that can be reached, the first one included.
func from(start string, next map[string][]string) map[string]bool {
	found := map[string]bool{start: true}
	for waiting := []string{start}; len(waiting) > 0; {
		node := waiting[len(waiting)-1]
		waiting = waiting[:len(waiting)-1]
		for _, to := range next[node] {
			if !found[to] {
				found[to] = true
				waiting = append(waiting, to)
			}
		}
	}
	return found
}

func oneCatchAll(g Graph) *Broken {
	found := 0
	for _, e := range g.Edges {
		if e.From == Source && !e.Parallel && e.catchesAll() {
			found++
		}
	}
	if found != 1 {
		return broken(OneCatchAll, "%d edges from %s that are not parallel take every file; exactly one must, which has no condition.", found, Source)
	}
	return nil
}

func uniquePathNames(g Graph) *Broken {
	type path struct{ from, name string }
	seen := map[path]bool{}
	for _, e := range g.Edges {
		if !e.Parallel {
			continue
		}
		p := path{e.From, e.pathName()}
		if seen[p] {
			return broken(UniquePathNames, "Two parallel edges from %q have the path_name %q.", p.from, p.name)
		}
		seen[p] = true
	}
	return nil
}
