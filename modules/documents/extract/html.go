package extract

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"golang.org/x/net/html"
)

// checkEvery is how many tokens are read between two looks at the context.
const checkEvery = 4096

// htmlText gives the visible text of a page, and its title. It reads tokens and
// builds no tree, so that no nesting, however deep or wrong, costs more than
// its length.
func htmlText(ctx context.Context, page string, xml bool) (text, title string, err error) {
	r := newReader(len(page), xml, true)
	if err := r.read(ctx, page); err != nil {
		return "", "", err
	}
	if r.skip != "" {
		// Something to be skipped never ended. Better some text that is not
		// visible than a page that is lost from there on.
		r = newReader(len(page), xml, false)
		if err := r.read(ctx, page); err != nil {
			return "", "", err
		}
	}
	text, title = r.finish()
	return text, title, nil
}

// reader turns the tokens of a page into text.
type reader struct {
	out     writer
	xml     bool // elements may close themselves
	hiding  bool // leave out what is skipped or hidden
	titles  int  // title elements seen
	title   string
	inTitle bool
	ignore  bool // the next text belongs to an element like script

	skip  string // element whose content is left out, "" for none
	depth int    // how many of that name are open

	pre  bool // within pre
	code []byte
}

func newReader(size int, xml, hiding bool) *reader {
	r := &reader{xml: xml, hiding: hiding}
	r.out.buf = make([]byte, 0, size/2)
	return r
}

func (r *reader) read(ctx context.Context, page string) error {
	z := html.NewTokenizer(strings.NewReader(page))
	for n := 1; ; n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return fmt.Errorf("extracting text: %w", ctx.Err())
		}
		switch z.Next() {
		case html.ErrorToken:
			// The reader of a string fails only with EOF.
			return nil
		case html.TextToken:
			r.text(z.Text())
		case html.StartTagToken:
			r.start(z, false)
		case html.SelfClosingTagToken:
			r.start(z, true)
		case html.EndTagToken:
			name, _ := z.TagName()
			r.end(string(name))
		default:
			// Comments and the document type are not text.
		}
	}
}

func (r *reader) text(b []byte) {
	switch {
	case r.ignore:
		r.ignore = false
	case r.skip != "":
	case r.inTitle:
		if r.titles == 1 && r.title == "" {
			r.title = oneLine(string(b))
		}
	case r.pre:
		r.code = append(r.code, b...)
	default:
		r.out.text(b)
	}
}

// start handles a start tag, which may be written as one that closes itself.
// HTML takes that for true in SVG alone, XHTML everywhere.
func (r *reader) start(z *html.Tokenizer, selfClosing bool) {
	b, hasAttr := z.TagName()
	name := string(b)
	does := effects[name]
	closed := selfClosing && (r.xml || name == "svg" || r.skip == "svg")
	if closed {
		z.NextIsNotRawText()
	}
	r.inTitle = false
	switch {
	case does == raw:
		r.ignore = !closed
	case r.skip != "":
		if name == r.skip && !closed {
			r.depth++
		}
	case closed && does == titling:
	case !closed && r.hiding && r.hides(z, name, does, hasAttr):
		r.skip, r.depth = name, 1
	case does == titling:
		r.titles++
		r.inTitle = true
	case r.pre:
		r.startInPre(does)
	default:
		r.startVisible(name, does, closed)
	}
}

// hides reports whether an element and all that it contains is left out.
func (r *reader) hides(z *html.Tokenizer, name string, does effect, hasAttr bool) bool {
	if does == skipped || r.pre && name == "button" { // one that copies the text
		return true
	}
	return hasAttr && hideable[name] && hidden(z)
}

func (r *reader) startVisible(name string, does effect, closed bool) {
	r.out.start(name, does)
	r.pre = does == preform && !closed
	if closed {
		r.out.end(name, does)
	}
}

// startInPre keeps the lines of preformatted text apart that are elements, as
// code highlighters write them.
func (r *reader) startInPre(does effect) {
	switch {
	case does == breaking:
		r.code = append(r.code, '\n')
	case does >= block && does <= row && len(r.code) > 0 && r.code[len(r.code)-1] != '\n':
		r.code = append(r.code, '\n')
	}
}

func (r *reader) end(name string) {
	r.ignore, r.inTitle = false, false
	does := effects[name]
	switch {
	case r.skip != "":
		if name == r.skip {
			if r.depth--; r.depth == 0 {
				r.skip = ""
			}
		}
	case r.pre && does == preform:
		r.endPre()
	case r.pre:
		r.startInPre(does)
	default:
		r.out.end(name, does)
	}
}

func (r *reader) endPre() {
	r.pre = false
	r.out.code(r.code)
	r.code = r.code[:0]
}

// finish gives the text and the title. A page without a heading of the first
// level gets its title as one, so that a search for it finds the page.
func (r *reader) finish() (text, title string) {
	if r.pre {
		r.endPre()
	}
	text = string(r.out.buf)
	title = r.title
	if title == "" {
		return text, oneLine(r.out.h1)
	}
	if first, _, _ := strings.Cut(text, "\n"); r.out.h1 == "" && text != "" && strings.Trim(first, "# ") != title {
		text = "# " + title + "\n\n" + text
	}
	return text, title
}

// hidden reports whether the attributes of a start tag hide the element.
func hidden(z *html.Tokenizer) bool {
	for more := true; more; {
		var key, val []byte
		key, val, more = z.TagAttr()
		switch string(key) {
		case "hidden":
			return !bytes.EqualFold(val, []byte("until-found"))
		case "style":
			compact := bytes.ReplaceAll(bytes.ToLower(val), []byte(" "), nil)
			if bytes.Contains(compact, []byte("display:none")) {
				return true
			}
		}
	}
	return false
}
