package docs_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// step is one thing that bash is given.
type step struct {
	// line is where it stands in its document.
	line int
	// text is the command or the commands.
	text string
	// output is what is printed beside a command of a console, and empty for one that is
	// followed by the next.
	output []string
	// console reports that it is a command with its output. Any other must not fail.
	console bool
}

// block is a fenced block of shell, or the commands of a comment.
type block struct {
	line   int
	steps  []step
	notRun string
	needs  []string
}

var (
	notRunComment = regexp.MustCompile(`(?s)^not run:\s*(.+)$`)
	needsComment  = regexp.MustCompile(`^needs:\s*(.+)$`)
	runComment    = regexp.MustCompile(`(?s)^run:\s*(.+)$`)
	runByComment  = regexp.MustCompile(`^run by (Test\w+)$`)
	fence         = regexp.MustCompile("^\\s*```\\s*(\\w*)\\s*$")
)

// document is a page as the test reads it.
type document struct {
	name   string
	blocks []block
	// runBy is the test that runs the page instead.
	runBy string
}

// parse reads a page's blocks of shell, in their order.
func parse(name, text string) document {
	d := document{name: name}
	lines := strings.Split(text, "\n")
	var directive block // what a comment has said of the block that follows
	for i := 0; i < len(lines); i++ {
		line := i + 1
		switch opened := fence.FindStringSubmatch(lines[i]); {
		case strings.HasPrefix(lines[i], "<!--"):
			comment, last := readComment(lines, i)
			i = last
			d.direct(&directive, comment, line)
		case opened != nil:
			begin := i + 1
			i = begin + max(0, slices.IndexFunc(lines[begin:], fence.MatchString))
			b := block{line: line, notRun: directive.notRun, needs: directive.needs}
			directive = block{}
			switch content := lines[begin:i]; opened[1] {
			case "console":
				b.steps = console(content, begin+1)
			case "sh", "bash":
				b.steps = []step{{line: line, text: strings.Join(content, "\n")}}
			default:
				continue
			}
			d.blocks = append(d.blocks, b)
		}
	}
	return d
}

// readComment reads a comment of HTML, and gives the number of its last line.
func readComment(lines []string, from int) (string, int) {
	for to := from; to < len(lines); to++ {
		if strings.HasSuffix(strings.TrimSpace(lines[to]), "-->") {
			text := strings.TrimSpace(strings.Join(lines[from:to+1], "\n"))
			return strings.TrimSpace(strings.TrimSuffix(strings.TrimPrefix(text, "<!--"), "-->")), to
		}
	}
	return "", len(lines)
}

func (d *document) direct(next *block, comment string, line int) {
	if m := notRunComment.FindStringSubmatch(comment); m != nil {
		next.notRun = strings.Join(strings.Fields(m[1]), " ")
	}
	if m := needsComment.FindStringSubmatch(comment); m != nil {
		next.needs = strings.Fields(m[1])
	}
	if m := runComment.FindStringSubmatch(comment); m != nil {
		d.blocks = append(d.blocks, block{line: line, steps: []step{{line: line, text: m[1]}}})
	}
	if m := runByComment.FindStringSubmatch(comment); m != nil {
		d.runBy = m[1]
	}
}

// console reads the commands of a console with what each prints.
func console(lines []string, from int) []step {
	var steps []step
	for i := 0; i < len(lines); i++ {
		command, is := strings.CutPrefix(lines[i], "$ ")
		if !is {
			if len(steps) > 0 {
				last := &steps[len(steps)-1]
				last.output = append(last.output, lines[i])
			}
			continue
		}
		s := step{line: from + i, text: command, console: true}
		for strings.HasSuffix(lines[i], `\`) && i+1 < len(lines) {
			i++
			s.text += "\n" + lines[i]
		}
		steps = append(steps, s)
	}
	for i := range steps {
		steps[i].output = trimmed(steps[i].output)
	}
	return steps
}

// trimmed leaves out the empty lines before and after.
func trimmed(lines []string) []string {
	empty := func(line string) bool { return strings.TrimSpace(line) == "" }
	for len(lines) > 0 && empty(lines[0]) {
		lines = lines[1:]
	}
	for len(lines) > 0 && empty(lines[len(lines)-1]) {
		lines = lines[:len(lines)-1]
	}
	return slices.Clone(lines)
}

func TestBlocks_AreReadWithWhatIsSaidOfThem(t *testing.T) {
	t.Parallel()
	d := parse("page.md", strings.ReplaceAll(`Text.

<!-- run:
echo begin
-->

'''console
$ echo one \
    two
one two

$ false
'''

<!-- not run: it
would not end -->

'''sh
sleep infinity
'''

'''json
{}
'''

<!-- needs: curl jq -->

'''bash
curl localhost
jq .
'''
`, "'''", "```"))
	require.Equal(t, []block{
		{line: 3, steps: []step{{line: 3, text: "echo begin"}}},
		{line: 7, steps: []step{{line: 8, text: "echo one \\\n    two", console: true, output: []string{"one two"}}, {line: 12, text: "false", console: true}}},
		{line: 18, notRun: "it would not end", steps: []step{{line: 18, text: "sleep infinity"}}},
		{line: 28, needs: []string{"curl", "jq"}, steps: []step{{line: 28, text: "curl localhost\njq ."}}},
	}, d.blocks)
	require.Equal(t, "TestOther", parse("page.md", "<!-- run by TestOther -->").runBy)
}
