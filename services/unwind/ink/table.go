package ink

import "strings"

// A Cell is a text with its tone.
type Cell struct {
	Text string
	Tone Tone
	Name string // if not empty, the colour is that of this name
}

// paint pads outside of the colour: blanks at a line's end can be cut off then.
func (c Cell) paint(in Ink, columns int) string {
	text := in.Paint(c.Tone, c.Text)
	if c.Name != "" {
		text = in.Name(c.Name, c.Text)
	}
	return text + strings.Repeat(" ", max(columns-Width(c.Text), 0))
}

// A Table has a heading and rows, and columns that are as wide as they must be.
type Table struct {
	Head []string
	Rows [][]Cell
}

// Row adds a row.
func (t *Table) Row(cells ...Cell) { t.Rows = append(t.Rows, cells) }

// Lines prints the table, cut at a number of columns (0 is no limit). A column
// that is empty in all rows is left out. What has no room in the last one gets
// a line of its own.
func (t *Table) Lines(in Ink, columns int) []string {
	head := make([]Cell, len(t.Head))
	widths := make([]int, len(t.Head))
	for i, name := range t.Head {
		head[i] = Cell{Text: name, Tone: Quiet}
		for _, row := range t.Rows {
			if w := Width(row[i].Text); w > 0 {
				widths[i] = max(widths[i], w, Width(name))
			}
		}
	}
	last := len(widths) - 1
	if widths[last] == 0 || columns > 0 && sum(widths[:last])+Width(head[last].Text) > columns {
		head[last].Text = ""
	}
	var lines []string
	for _, row := range append([][]Cell{head}, t.Rows...) {
		lines = append(lines, line(in, row, widths, columns)...)
	}
	return lines
}

// sum is the room that columns take, with the gaps behind them.
func sum(widths []int) (whole int) {
	for _, w := range widths {
		if w > 0 {
			whole += w + 2
		}
	}
	return whole
}

// line prints a row, on two lines if it must.
func line(in Ink, row []Cell, widths []int, columns int) []string {
	var b strings.Builder
	last := len(row) - 1
	for i, c := range row[:last] {
		if widths[i] > 0 {
			b.WriteString(c.paint(in, widths[i]) + "  ")
		}
	}
	first, rest := strings.TrimRight(b.String(), " "), row[last]
	switch {
	case rest.Text == "":
		return []string{first}
	case columns == 0 || sum(widths[:last])+Width(rest.Text) <= columns:
		return []string{strings.TrimRight(b.String()+rest.paint(in, 0), " ")}
	}
	rest.Text = Cut(rest.Text, columns-4)
	return []string{first, "    " + rest.paint(in, 0)}
}
