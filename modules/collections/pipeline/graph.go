package pipeline

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
)

// Source is where every file enters the graph; it is no node.
const Source = "_source"

// NodeType is what a node does.
type NodeType string

// The types of nodes.
const (
	Parser    NodeType = "parser"
	Chunker   NodeType = "chunker"
	Extractor NodeType = "extractor"
	Embedder  NodeType = "embedder"
)

// Graph is the configuration of a pipeline.
type Graph struct {
	ID      string `json:"id"`
	Version string `json:"version"`
	Nodes   []Node `json:"nodes"`
	Edges   []Edge `json:"edges"`
}

// Node is one step.
type Node struct {
	ID       string          `json:"id"`
	Type     NodeType        `json:"type"`
	PluginID string          `json:"plugin_id"`
	Config   json.RawMessage `json:"config"`
}

// Edge leads from one step to the next.
type Edge struct {
	From string `json:"from_node"`
	To   string `json:"to_node"`
	// When is which files go this way; nothing, or an empty object, for all.
	When json.RawMessage `json:"when"`
	// Parallel edges are taken besides others, instead of in place of them.
	Parallel bool `json:"parallel"`
	// PathName names what a parallel edge leads to; the node's id if nil.
	PathName *string `json:"path_name"`
}

// catchesAll reports whether every file may go this way.
func (e Edge) catchesAll() bool {
	when := bytes.TrimSpace(e.When)
	if isNull(when) {
		return true
	}
	var members map[string]json.RawMessage
	return json.Unmarshal(when, &members) == nil && len(members) == 0
}

// pathName is the name of what the edge leads to.
func (e Edge) pathName() string {
	if e.PathName == nil || *e.PathName == "" {
		return e.To
	}
	return *e.PathName
}

// read decodes a graph; what is in the wrong form is said in words for people.
func read(text []byte) (Graph, error) {
	var g Graph
	err := json.Unmarshal(text, &g)
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return g, fmt.Errorf("%s may not be of the type %s", cmp.Or(wrong.Field, "the whole"), wrong.Value)
	}
	return g, err
}

func isNull(text []byte) bool {
	return len(text) == 0 || string(text) == "null"
}

// isObject reports whether a member is an object, or absent.
func isObject(text json.RawMessage) bool {
	trimmed := bytes.TrimSpace(text)
	return isNull(trimmed) || trimmed[0] == '{'
}
