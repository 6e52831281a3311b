package extract

import (
	"regexp"
	"strings"
)

// titleLines is how many lines of a Markdown text are searched for a heading.
const titleLines = 1000

// markdownTitle is the title that the front matter of a Markdown text names, or
// else its first heading, without its markup; "" for none.
func markdownTitle(text string) string {
	fence, before, front := "", "", false
	for n := 0; n < titleLines && text != ""; n++ {
		var line string
		line, text, _ = strings.Cut(text, "\n")
		line = strings.TrimRight(line, " \t\r")
		if n == 0 && line == "---" {
			front = true
			continue
		}
		if front {
			if value, found := strings.CutPrefix(line, "title:"); found {
				if title := cleanTitle(strings.Trim(strings.TrimSpace(value), `"'`)); title != "" {
					return title
				}
			}
			front = line != "---" && line != "..."
			continue
		}
		body := strings.TrimLeft(line, " ")
		if fence != "" {
			if strings.HasPrefix(body, fence) {
				fence = ""
			}
			continue
		}
		if strings.HasPrefix(body, "```") || strings.HasPrefix(body, "~~~") {
			fence = body[:3]
			continue
		}
		title := ""
		switch {
		case isATX(body):
			title = cleanTitle(strings.TrimRight(strings.TrimLeft(body, "#"), "# "))
		case before != "" && isUnderline(body):
			title = cleanTitle(before)
		}
		if title != "" {
			return title
		}
		before = body
	}
	return ""
}

func isATX(body string) bool {
	marks := len(body) - len(strings.TrimLeft(body, "#"))
	return marks >= 1 && marks <= 6 && len(body) > marks && (body[marks] == ' ' || body[marks] == '\t')
}

func isUnderline(body string) bool {
	return len(body) >= 3 && (strings.Trim(body, "=") == "" || strings.Trim(body, "-") == "")
}

var (
	markdownImage = regexp.MustCompile(`!\[[^\]]*\](\([^)]*\)|\[[^\]]*\])`)
	markdownLink  = regexp.MustCompile(`\[([^\]]*)\](\([^)]*\)|\[[^\]]*\])`)
	htmlTag       = regexp.MustCompile(`</?[a-zA-Z][^>]*>|<!--.*?-->`)
)

// cleanTitle takes the markup off a heading, puts it on one line and cuts it to
// maxTitle.
func cleanTitle(s string) string {
	s = markdownImage.ReplaceAllString(clip(s, 10*maxTitle), "")
	s = markdownLink.ReplaceAllString(s, "$1")
	s = htmlTag.ReplaceAllString(s, "")
	s = strings.NewReplacer("`", "", "**", "", "__", "").Replace(s)
	return oneLine(s)
}

// oneLine makes one line of at most maxTitle characters.
func oneLine(s string) string {
	return strings.TrimSpace(clip(strings.Join(strings.Fields(clip(s, 10*maxTitle)), " "), maxTitle))
}

// clip cuts s after so many characters.
func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	for i := range s {
		if most--; most < 0 {
			return s[:i]
		}
	}
	return s
}
