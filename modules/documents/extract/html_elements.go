package extract

// effect is what an element does to the text around and within it.
type effect uint8

const (
	inline   effect = iota // nothing
	spaced                 // stands apart from its neighbours, on the same line
	block                  // begins and ends a line
	term                   // dt
	meaning                // dd
	para                   // stands between blank lines
	heading                // h1 to h6
	list                   // ul, ol
	item                   // li
	table                  // table
	row                    // tr
	cell                   // td, th
	preform                // pre
	breaking               // br
	raw                    // its text is nothing to read
	skipped                // it and all that it contains is nothing to read
	titling                // title
)

// effects are those of the elements of HTML; an element that is not listed is
// inline.
var effects = map[string]effect{
	"address": block, "article": block, "aside": block, "body": block, "caption": block, "center": block, "dd": meaning, "details": block,
	"dialog": block, "dir": list, "div": block, "dt": term, "fieldset": block, "figcaption": block, "figure": block, "footer": block,
	"form": block, "frameset": block, "head": block, "header": block, "hgroup": block, "html": block, "legend": block, "main": block,
	"nav": block, "search": block, "section": block, "summary": block, "tbody": block, "tfoot": block, "thead": block, "optgroup": block,
	"blockquote": para, "dl": para, "hr": para, "p": para, "menu": list,
	"button": spaced, "input": spaced, "label": spaced, "textarea": spaced, "img": spaced, "option": spaced, "rp": spaced,
	"h1": heading, "h2": heading, "h3": heading, "h4": heading, "h5": heading, "h6": heading,
	"ul": list, "ol": list, "li": item,
	"table": table, "tr": row, "td": cell, "th": cell,
	"pre": preform, "listing": preform, "xmp": preform, "plaintext": preform,
	"br":     breaking,
	"script": raw, "style": raw, "noscript": raw, "iframe": raw, "noembed": raw, "noframes": raw,
	"template": skipped, "svg": skipped, "audio": skipped, "video": skipped, "canvas": skipped, "select": skipped, "datalist": skipped,
	"title": titling,
}

// hideable are the elements that a hidden attribute hides: those whose end tag
// may not be left out, so that it is known where they end.
var hideable = map[string]bool{
	"a": true, "article": true, "aside": true, "blockquote": true, "div": true, "dl": true, "fieldset": true, "figure": true,
	"footer": true, "form": true, "header": true, "main": true, "nav": true, "ol": true, "pre": true, "section": true, "span": true,
	"table": true, "ul": true,
}
