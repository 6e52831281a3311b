package extract

import (
	"strconv"
	"strings"
)

// maxListIndent bounds the indentation of nested lists, in levels: a page of
// nothing but nested lists must not grow with the square of its length.
const maxListIndent = 4

// tableRow is the state of a row of a table.
type tableRow struct {
	cells    int  // cells begun since the last text
	text     bool // the row has text
	lines    bool // the cell has more than one line
	inCell   bool
	cellText bool // the cell has text
}

// row is the row of the innermost open table, nil outside of tables.
func (w *writer) row() *tableRow {
	if len(w.rows) == 0 {
		return nil
	}
	return &w.rows[len(w.rows)-1]
}

// ownLine lets what follows stand on lines of its own, within a cell too.
func (w *writer) ownLine() {
	if t := w.row(); t != nil {
		t.cells, t.lines = 0, true
	}
}

func (w *writer) startList(name string) {
	w.endHeading()
	if len(w.lists) == 0 {
		w.apart(blankLine)
	} else {
		w.apart(newline)
	}
	number := -1
	if name == "ol" {
		number = 0
	}
	w.lists = append(w.lists, number)
}

func (w *writer) endList() {
	w.mark = ""
	if len(w.lists) > 0 {
		w.lists = w.lists[:len(w.lists)-1]
	}
	if len(w.lists) == 0 {
		w.apart(blankLine)
	} else {
		w.apart(newline)
	}
}

func (w *writer) startItem() {
	w.endHeading()
	w.mark = ""
	w.apart(newline)
	level, mark := len(w.lists)-1, "- "
	if level >= 0 && w.lists[level] >= 0 {
		w.lists[level]++
		mark = strconv.Itoa(w.lists[level]) + ". "
	}
	w.mark = strings.Repeat("  ", min(max(level, 0), maxListIndent)) + mark
}

func (w *writer) startRow() {
	w.endHeading()
	w.mark = ""
	if t := w.row(); t != nil {
		*t = tableRow{}
	}
	w.apart(newline)
}

func (w *writer) startCell() {
	w.endHeading()
	w.mark = ""
	t := w.row()
	if t == nil {
		w.apart(newline)
		return
	}
	if t.lines {
		// Cells of many lines are layout, not a table.
		*t = tableRow{}
		w.apart(blankLine)
	} else if t.inCell || t.text || t.cells > 0 {
		t.cells++
		if t.text {
			w.gap = none // the mark between the cells is the gap
		}
	}
	t.inCell, t.cellText = true, false
}
