package pipeline_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"semantik/modules/collections/pipeline"
)

// wizard is what the wizard of the web interface sends by default.
const wizard = `{"id": "default", "version": "1", "nodes": [
	{"id": "parser1", "type": "parser", "plugin_id": "text", "config": {}},
	{"id": "chunker1", "type": "chunker", "plugin_id": "semantic", "config": {"max_chunk_size": 1000}},
	{"id": "embedder1", "type": "embedder", "plugin_id": "dense_local", "config": {}}],
	"edges": [
	{"from_node": "_source", "to_node": "parser1", "when": null},
	{"from_node": "parser1", "to_node": "chunker1", "when": null},
	{"from_node": "chunker1", "to_node": "embedder1", "when": null}]}`

// graph writes a graph: nodes as "id:type", edges as "from>to" with what else is
// said of them after a space, separated by bars.
func graph(nodes, edges string) string {
	var n, e []string
	for node := range strings.FieldsSeq(nodes) {
		id, kind, _ := strings.Cut(node, ":")
		n = append(n, fmt.Sprintf(`{"id": %q, "type": %q, "plugin_id": "p"}`, id, kind))
	}
	for edge := range strings.SplitSeq(edges, ",") {
		way, more, _ := strings.Cut(strings.TrimSpace(edge), " ")
		from, to, ok := strings.Cut(way, ">")
		if !ok {
			continue
		}
		if more != "" {
			more = ", " + strings.ReplaceAll(more, "|", ", ")
		}
		e = append(e, fmt.Sprintf(`{"from_node": %q, "to_node": %q%s}`, from, to, more))
	}
	return fmt.Sprintf(`{"id": "g", "version": "1", "nodes": [%s], "edges": [%s]}`, strings.Join(n, ","), strings.Join(e, ","))
}

// namedTwice has two parallel edges to paths of one name: that of a node is the
// name where none is given.
var namedTwice = graph("a:parser x:parser b:parser e:embedder",
	`_source>a, a>x "parallel": true, a>b "parallel": true|"path_name": "x", x>e, b>e`)

func TestCheck_TakesWhatTheWizardSends(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"the default":                  wizard,
		"nothing but an embedder":      graph("e:embedder", "_source>e"),
		"conditions":                   graph("a:parser b:parser e:embedder", `_source>a "when": {"mime_type": "application/pdf"}, _source>b "when": {}, a>e, b>e`),
		"parallel ways":                graph("a:parser b:extractor c:chunker e:embedder", `_source>a, a>b "parallel": true|"path_name": "x", a>c "parallel": true, b>e, c>e`),
		"the same name at other nodes": graph("a:parser b:parser e:embedder", `_source>a, a>b "parallel": true, a>e "parallel": true, b>e "parallel": true`),
		"a parallel catch-all besides": graph("a:parser b:parser e:embedder", `_source>a, _source>b "parallel": true, a>e, b>e`),
		"members that nobody knows":    `{"x": 1, "nodes": [{"id": "e", "type": "embedder", "plugin_id": "p", "y": []}], "edges": [{"from_node": "_source", "to_node": "e", "z": {}}]}`,
		"ids of every script":          graph("ünï-1:parser 名前:embedder", `_source>ünï-1, ünï-1>名前`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Nil(t, pipeline.Check([]byte(text)))
		})
	}
}

func TestCheck_NamesTheRuleThatIsBroken(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text string
		rule pipeline.Rule
		says string
	}{
		"no JSON":                  {`{`, pipeline.Form, "form"},
		"no nodes":                 {`{"edges": []}`, pipeline.Form, "no nodes"},
		"nodes that are no list":   {`{"nodes": {}}`, pipeline.Form, "nodes"},
		"a node that is none":      {`{"nodes": [1]}`, pipeline.Form, "nodes"},
		"an id that is a number":   {`{"nodes": [{"id": 1}]}`, pipeline.Form, "id"},
		"parallel as a text":       {strings.Replace(wizard, `"when": null`, `"parallel": "yes"`, 1), pipeline.Form, "parallel"},
		"a condition that is none": {strings.Replace(wizard, `"when": null`, `"when": "always"`, 1), pipeline.Form, "condition"},
		"a config that is none":    {strings.Replace(wizard, `"config": {}`, `"config": [1]`, 1), pipeline.Form, "parser1"},

		"no id":                       {graph(":parser e:embedder", "_source>e"), pipeline.UniqueIDs, "no id"},
		"an id twice":                 {graph("a:parser a:chunker e:embedder", "_source>a, a>e"), pipeline.UniqueIDs, `"a"`},
		"the id of the entry":         {graph("_source:parser e:embedder", "_source>e"), pipeline.UniqueIDs, "entry"},
		"a type that nobody knows":    {graph("a:reranker e:embedder", "_source>a, a>e"), pipeline.KnownTypes, `"reranker"`},
		"no plugin":                   {strings.Replace(wizard, `"plugin_id": "text"`, `"plugin_id": " "`, 1), pipeline.KnownTypes, "parser1"},
		"no embedder":                 {graph("a:parser", "_source>a"), pipeline.OneEmbedder, "0 embedders"},
		"two embedders":               {graph("a:embedder b:embedder", "_source>a, a>b"), pipeline.OneEmbedder, "2 embedders"},
		"to a node that is not there": {graph("e:embedder", "_source>e, e>x"), pipeline.KnownNodes, `to "x"`},
		"from one that is not there":  {graph("e:embedder", "_source>e, x>e"), pipeline.KnownNodes, `from "x"`},
		"back to the entry":           {graph("e:embedder", "_source>e, e>_source"), pipeline.KnownNodes, `to "_source"`},
		"a node to itself":            {graph("a:parser e:embedder", "_source>a, a>a, a>e"), pipeline.NoCycle, `"a"`},
		"a circle":                    {graph("a:parser b:chunker e:embedder", "_source>a, a>b, b>a, b>e"), pipeline.NoCycle, `"a"`},
		"a circle apart":              {graph("a:parser b:chunker e:embedder", "_source>e, a>b, b>a"), pipeline.NoCycle, `"a"`},
		"out of reach":                {graph("a:parser e:embedder", "_source>e, a>e"), pipeline.Reachable, `"a"`},
		"nothing is reached":          {graph("e:embedder", ""), pipeline.Reachable, `"e"`},
		"a dead end":                  {graph("a:parser e:embedder", "_source>a, _source>e"), pipeline.ReachesEmbedder, `"a"`},
		"beyond the embedder":         {graph("a:parser e:embedder", "_source>e, e>a"), pipeline.ReachesEmbedder, `"a"`},
		"no catch-all":                {graph("e:embedder", `_source>e "when": {"extension": ".md"}`), pipeline.OneCatchAll, "0 edges"},
		"none that is not parallel":   {graph("e:embedder", `_source>e "parallel": true`), pipeline.OneCatchAll, "0 edges"},
		"two catch-alls":              {graph("a:parser e:embedder", `_source>a, _source>e, a>e`), pipeline.OneCatchAll, "2 edges"},
		"a path's name twice":         {namedTwice, pipeline.UniquePathNames, `"x"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := pipeline.Check([]byte(c.text))
			require.NotNil(t, b)
			require.Equal(t, c.rule, b.Rule, b.Message)
			require.Contains(t, b.Message, c.says)
			require.Regexp(t, `^[A-Z0-9].*\.$`, b.Message)
		})
	}
}

// A graph of 64 KiB, as deep as it can be, is checked without a stack as deep.
func TestCheck_AGraphAsDeepAsItsTextIsLong(t *testing.T) {
	t.Parallel()
	var g pipeline.Graph
	before := pipeline.Source
	for i := range 50_000 {
		id := strconv.Itoa(i)
		g.Nodes = append(g.Nodes, pipeline.Node{ID: id, Type: pipeline.Parser, PluginID: "p"})
		g.Edges = append(g.Edges, pipeline.Edge{From: before, To: id})
		before = id
	}
	g.Nodes[len(g.Nodes)-1].Type = pipeline.Embedder
	text, err := json.Marshal(g)
	require.NoError(t, err)
	require.Nil(t, pipeline.Check(text))
}

// Against an oracle that follows every way there is, on small graphs at random.
func TestCheck_AgreesWithAnOracleThatTriesEveryWay(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	counts := map[pipeline.Rule]int{}
	for range 20_000 {
		g := randomGraph(random)
		text, err := json.Marshal(g)
		require.NoError(t, err)
		b := pipeline.Check(text)
		rule := pipeline.Rule("")
		if b != nil {
			rule = b.Rule
		}
		counts[rule]++
		require.Equal(t, oracle(g), rule, "%s", text)
	}
	for _, rule := range []pipeline.Rule{"", pipeline.NoCycle, pipeline.Reachable, pipeline.ReachesEmbedder, pipeline.OneCatchAll} {
		require.Greater(t, counts[rule], 20, "%q came up: %v", rule, counts)
	}
}

func randomGraph(random *rand.Rand) pipeline.Graph {
	var g pipeline.Graph
	n := 1 + random.IntN(4)
	for i := range n {
		g.Nodes = append(g.Nodes, pipeline.Node{ID: string(rune('a' + i)), Type: pipeline.Parser, PluginID: "p"})
	}
	g.Nodes[n-1].Type = pipeline.Embedder
	ids := []string{pipeline.Source, "a", "b", "c", "d"}[:n+1]
	for i, from := range ids {
		for j := 1; j <= n; j++ {
			chance := 45
			if j <= i {
				chance = 4 // back, or to itself
			}
			if random.IntN(100) < chance {
				g.Edges = append(g.Edges, pipeline.Edge{From: from, To: ids[j], Parallel: random.IntN(2) == 0})
			}
		}
	}
	return g
}

func oracle(g pipeline.Graph) pipeline.Rule {
	reach := map[[2]string]bool{}
	for _, e := range g.Edges {
		reach[[2]string{e.From, e.To}] = true
	}
	ids := []string{pipeline.Source, "a", "b", "c", "d"}
	for _, via := range ids {
		for _, from := range ids {
			for _, to := range ids {
				if reach[[2]string{from, via}] && reach[[2]string{via, to}] {
					reach[[2]string{from, to}] = true
				}
			}
		}
	}
	embedder := g.Nodes[len(g.Nodes)-1].ID
	for _, id := range ids {
		if reach[[2]string{id, id}] {
			return pipeline.NoCycle
		}
	}
	for _, n := range g.Nodes {
		if !reach[[2]string{pipeline.Source, n.ID}] {
			return pipeline.Reachable
		}
	}
	for _, n := range g.Nodes {
		if n.ID != embedder && !reach[[2]string{n.ID, embedder}] {
			return pipeline.ReachesEmbedder
		}
	}
	catch := 0
	for _, e := range g.Edges {
		if e.From == pipeline.Source && !e.Parallel {
			catch++
		}
	}
	if catch != 1 {
		return pipeline.OneCatchAll
	}
	return ""
}

func FuzzCheck_NeverPanicsAndWhatItTakesItTakesAgain(f *testing.F) {
	f.Add([]byte(wizard))
	f.Add([]byte(graph("a:parser b:chunker e:embedder", "_source>a, a>b, b>a, b>e")))
	f.Add([]byte(`{"nodes": null, "edges": [null]}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		b := pipeline.Check(text)
		if b != nil {
			require.NotEmpty(t, b.Rule)
			require.NotEmpty(t, b.Message)
			return
		}
		var g pipeline.Graph
		require.NoError(t, json.Unmarshal(text, &g))
		again, err := json.Marshal(g)
		require.NoError(t, err)
		require.Nil(t, pipeline.Check(again))
	})
}
