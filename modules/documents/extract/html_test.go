package extract_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestExtract_HTML(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, page, want string }{
		{"paragraphs stand apart", "<p>a</p><p>b", "a\n\nb"},
		{"blocks end lines", "<div>a</div>b<section>c<div>d</div></section>", "a\nb\nc\nd"},
		{"inline elements join", "a<b>b</b><i>c</i> d", "abc d"},
		{"white space collapses", " <p>\n a\t b \n\n c&nbsp;&nbsp;d </p> ", "a b c d"},
		{"white space between inline elements counts once", "<b>a </b> <i> b</i>", "a b"},
		{"line breaks", "a<br>b<br/>c", "a\nb\nc"},
		{"two line breaks end a paragraph", "a<br><br>b<br><br><br>c", "a\n\nb\n\nc"},
		{"entities", "&lt;b&gt; &amp;amp; &euro; &#8364; &#x20AC; &nosuch; &copy 2020", "<b> &amp; € € € &nosuch; © 2020"},
		{"headings as in Markdown", "a<h1>One</h1><h2>Two <b>too</b></h2>b<h6>Six</h6>", "a\n\n# One\n\n## Two too\n\nb\n\n###### Six"},
		{"a heading is one line", "<h2>\n <div>a</div><br>b\n<p></p></h2>c", "## a b\n\nc"},
		{"a heading in a paragraph of its own", "<h1><p>a</p></h1>b", "# a\n\nb"},
		{"a heading that is never closed", "<h2>a<p>b<p>c", "## a\n\nb\n\nc"},
		{"an empty heading leaves no trace", "<h1><img></h1>a", "a"},
		{"links to headings", `<h2>a<a class="headerlink" href="#a">¶</a></h2>b`, "## a\n\nb"},
		{"a number sign in a heading", `<h2>C# and <b>F#</b></h2>b<h3>x<a>#</a></h3>`, "## C# and F#\n\nb\n\n### x"},
		{"lists", "a<ul><li>b<li>c</ul>d", "a\n\n- b\n- c\n\nd"},
		{"numbered lists", "<ol><li>a</li><li>b</li></ol>", "1. a\n2. b"},
		{"nested lists", "<ul><li>a<ul><li>b<ol><li>c</ol></ul><li>d</ul>", "- a\n  - b\n    1. c\n- d"},
		{"paragraphs in items", "<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>", "- a\n\nb\n\n- c"},
		{"empty items leave no trace", "<ul><li></li><li> </li></ul><p>a", "a"},
		{"an item without a list", "<li>a<li>b", "- a\n- b"},
		{"terms and meanings", "<dl><dt>a</dt><dd>b</dd><dt>c</dt><dd><p>d</p></dd></dl>", "a\nb\n\nc\nd"},
		{"tables", "<table><tr><th>a</th><th>b</th></tr><tr><td>c</td><td>d</td></tr></table>e", "a | b\nc | d\n\ne"},
		{"tables without end tags", "<table><tr><td>a<td>b<tr><td>c<td>d</table>", "a | b\nc | d"},
		{"empty cells keep their place", "<table><tr><td>a<td><td>c<tr><td><td>d</table>", "a | | c\n| d"},
		{"paragraphs in cells", "<table><tr><td><p>a</p></td><td><p>b</p></td></tr></table>", "a | b"},
		{"captions and sections of tables", "<table><caption>t</caption><thead><tr><th>a<tbody><tr><td>b</table>", "t\na\nb"},
		{"cells of many lines are layout", "<table><tr><td><p>a</p><p>b</p></td><td>c</td></tr></table>", "a\nb\n\nc"},
		{"headings in cells", "<table><tr><td>n</td><td><h2>a</h2><p>b</p></td></tr></table>", "n\n\n## a\n\nb"},
		{"nested tables", "<table><tr><td>a<table><tr><td>b<td>c</table></td><td>d</table>", "a\n\nb | c\n\nd"},
		{"preformatted text is verbatim", "a<pre>\n  b\n\n    c  d\n</pre>e", "a\n\n```\n  b\n\n    c  d\n```\n\ne"},
		{"markup in preformatted text", "<pre><b>a</b> &lt;\n<span>  b</span><br>c<div>d</div><div>e</div></pre>", "```\na <\n  b\nc\nd\ne\n```"},
		{"backticks in preformatted text", "<pre>```\na\n```</pre>", "````\n```\na\n```\n````"},
		{"the button that copies preformatted text", "<pre>a<button>copy</button></pre>", "```\na\n```"},
		{"empty preformatted text", "a<pre> \n </pre>b", "a\n\nb"},
		{"preformatted text to the end", "<pre>a\n b", "```\na\n b\n```"},
		{"nothing that is not shown", `<head><style>x</style><script>y</script></head><noscript>z</noscript><template>t</template>a<iframe>f</iframe><svg><text>s</text></svg><!-- c --><?php p ?>`, "a"},
		{"hidden elements", `a<div hidden>x<div>y</div></div>b<span style="color:red; Display : none">z</span>c`, "abc"},
		{"hidden until found is found", `<div hidden="until-found">a</div>`, "a"},
		{"hidden paragraphs may be open and are shown", `<p hidden>a<p>b`, "a\n\nb"},
		{"skipped elements that never end are shown", "a<template>b<p>c", "ab\n\nc"},
		{"SVG that closes itself", "a<svg/>b<svg><title/><path/></svg>c", "abc"},
		{"scripts in skipped elements", "<svg><script></svg></script>x</svg>a", "a"},
		{"self-closing means nothing in HTML", "<div/>a<script src=x/></script>b", "ab"},
		{"self-closing elements of XHTML", `<?xml version="1.0"?><html><head><script src="x"/><title/></head><body><p/>a</body></html>`, "a"},
		{"words are not broken for a search", "Donau&shy;dampf&#8203;schiff", "Donaudampfschiff"},
		{"buttons stand apart", "<button>a</button><button>b</button>", "a b"},
		{"text areas", "<textarea>\n<b>a</textarea>", "<b>a"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, read(t, "a.html", "", c.page).Text)
		})
	}
}

func TestExtract_HTMLThatIsDamaged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, page, want string }{
		{"stray end tags", "</div></ul></table></tr></pre></h1></svg>a</p>b", "a\n\nb"},
		{"text behind the end", "<html><body>a</body></html>b", "a\nb"},
		{"CR LF", "<pre>a\r\nb</pre>\r\nc\r\nd", "```\na\nb\n```\n\nc d"},
		{"NUL by reference", "a&#0;b", "a\ufffdb"},
		{"no markup at all", "just text", "just text"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, read(t, "a.html", "", c.page).Text)
		})
	}
}

func TestExtract_HTMLTitle(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ rule, page, title, text string }{
		{"the title of the page, and a heading where it has none", "<title> A &amp;\n b </title><p>x", "A & b", "# A & b\n\nx"},
		{"not beside a heading of the first level", "<title>A</title><h1>B</h1>x", "A", "# B\n\nx"},
		{"not beside the same heading", "<title>A</title><h2>A</h2>x", "A", "## A\n\nx"},
		{"the first heading where there is no title", "<h2>A</h2><h1>B <i>c</i></h1>x", "B c", "## A\n\n# B c\n\nx"},
		{"the first of two titles", "<title>A</title><title>B</title><h1>x</h1>", "A", "# x"},
		{"not the title of a drawing", "<svg><title>A</title></svg><h1>x</h1>", "x", "# x"},
		{"an empty title is none", "<title> </title>x", "", "x"},
		{"none", "x", "", "x"},
		{"one that is cut", "<title>" + strings.Repeat("ü ", 400) + "</title><h1>x</h1>", strings.TrimSpace(strings.Repeat("ü ", 150)), "# x"},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			res := read(t, "a.html", "", c.page)
			require.Equal(t, c.title, res.Title)
			require.Equal(t, c.text, res.Text)
		})
	}
}
