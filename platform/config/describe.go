package config

import (
	"fmt"
	"strings"
)

// Markdown is the reference of all settings, a table for each group, for
// docs/configuration.md.
func Markdown() string {
	var b strings.Builder
	group := ""
	for _, v := range Variables() {
		if v.Group != group {
			group = v.Group
			fmt.Fprintf(&b, "\n### %s\n\n| variable | flag | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n", group)
		}
		flag := "–"
		if v.Flag != "" {
			flag = "`--" + v.Flag + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n",
			v.Name, flag, defaultCell(v), cell(v.Allowed()), cell(v.Description))
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func defaultCell(v Variable) string {
	switch {
	case v.Default != "":
		return "`" + cell(v.Default) + "`"
	case v.DefaultText != "":
		return cell(v.DefaultText)
	default:
		return "–"
	}
}

// cell keeps a text inside its table cell.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }

// Help is the list of all variables for a terminal, without the flags that
// --help lists anyway.
func Help() string {
	var b strings.Builder
	group := ""
	for _, v := range Variables() {
		if v.Group != group {
			group = v.Group
			fmt.Fprintf(&b, "\n%s:\n", group)
		}
		fmt.Fprintf(&b, "  %s\n", v.Name)
		for _, line := range wrap(v.Description+helpDefault(v), 72) {
			fmt.Fprintf(&b, "      %s\n", line)
		}
	}
	return strings.TrimPrefix(b.String(), "\n")
}

func helpDefault(v Variable) string {
	switch {
	case v.Default != "":
		return " Default: " + v.Default + "."
	case v.DefaultText != "":
		return " Default: " + v.DefaultText + "."
	default:
		return ""
	}
}

// wrap breaks a text into lines of at most width bytes, at spaces.
func wrap(s string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(s) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}
