package graph

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/unwind-saga/unwind/saga/lint"
	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// Options say how to draw.
type Options struct {
	Ink     ink.Ink
	Columns int // lines are kept to so many, where that is possible; 0: 80
}

// Text draws for a terminal: the boxes, who is missing, and what lint says.
func (g Graph) Text(w io.Writer, o Options) error {
	columns := cmp.Or(o.Columns, 80)
	lines := []string{o.Ink.Paint(ink.Strong, g.title()), ""}
	lines = append(lines, g.draw(columns, o.Ink)...)
	if signs := g.legend(); len(signs) > 0 {
		lines = append(lines, "")
		text := ""
		for i, sign := range signs {
			if joined := words(" · ", text, sign); i == 0 || ink.Width(joined) <= columns {
				text = joined
				continue
			}
			lines, text = append(lines, o.Ink.Paint(ink.Quiet, text)), sign
		}
		lines = append(lines, o.Ink.Paint(ink.Quiet, text))
	}
	if len(g.Missing) > 0 {
		lines = append(lines, "", ink.Wrap(o.Ink.Paint(ink.Bad, "missing")+": "+strings.Join(g.Missing, ", "), columns))
	}
	if len(g.Unjudged) > 0 {
		lines = append(lines, "", ink.Wrap("not judged: "+strings.Join(g.Unjudged, ", ")+", which declare nothing now; their place is what their consumers hear", columns))
	}
	if len(g.Findings) > 0 {
		lines = append(lines, "")
	}
	tones := map[lint.Severity]ink.Tone{lint.Error: ink.Bad, lint.Warning: ink.Warn, lint.Note: ink.Quiet}
	for _, f := range g.Findings {
		text := strings.ReplaceAll(ink.Wrap(fmt.Sprintf("%s: %s [%s]", f.Severity, ink.Clean(f.Text), f.Code), columns-2), "\n", "\n  ")
		lines = append(lines, strings.Replace(text, string(f.Severity), o.Ink.Paint(tones[f.Severity], string(f.Severity)), 1))
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}

func (g Graph) title() string {
	count := func(n int, what string) string {
		if n != 1 {
			what += "s"
		}
		return fmt.Sprintf("%d %s", n, what)
	}
	text := fmt.Sprintf("%s: %s, %s", g.Type, count(len(g.Steps), "step"), count(g.agents(), "agent"))
	if g.Live {
		text += ", " + count(g.instances(), "instance")
	}
	return text
}

// legend explains the signs that the drawing has.
func (g Graph) legend() (signs []string) {
	var undo, pivot, final, standIn, when, silent bool
	for _, s := range g.Steps {
		pivot, final, when = pivot || s.Pivot, final || s.Final, when || s.When != ""
		for i, p := range s.Players {
			undo, standIn = undo || p.Undo == CanUndo, standIn || i > 0
			silent = silent || g.Live && p.There && p.Running == 0
		}
	}
	for _, sign := range []struct {
		said bool
		text string
	}{
		{undo, "↶ can be undone"}, {standIn, "┄ takes over from the one above"}, {when, "if: else it is skipped"},
		{pivot, "◆ pivot: from here on nothing turns back"}, {final, "■ final"}, {silent, "? listens, but does not announce itself"},
	} {
		if sign.said {
			signs = append(signs, sign.text)
		}
	}
	return signs
}

// draw finds the widest boxes that fit.
func (g Graph) draw(columns int, in ink.Ink) []string {
	if len(g.Steps) == 0 {
		return []string{"no agent of this type is known"}
	}
	for _, most := range []int{40, 32, 26, 22, 18} {
		boxes := g.boxes(most)
		width := func(step int) int { return boxes[step+1].width() }
		if l := arrange(g, width, 2); l.wide(2) <= columns {
			return paint(l, boxes, in)
		}
	}
	return g.outline(columns, in)
}

// A box is what is written into a step's.
type box struct {
	step  Step
	lines []line
}

// A line in a box.
type line struct {
	text string
	tone ink.Tone
	name string // the colour is that of this name
}

func (b box) width() int {
	w := 0
	for _, l := range b.lines {
		w = max(w, ink.Width(l.text))
	}
	return w + 4 + (w+1)%2 // odd, so that it has a middle
}

// boxes are the task's, and then the steps', with no text longer than most.
func (g Graph) boxes(most int) []box {
	all := []box{{lines: []line{{text: "task", tone: ink.Quiet}}}}
	for _, s := range g.Steps {
		all = append(all, box{s, g.inside(s, most)})
	}
	return all
}

func (g Graph) inside(s Step, most int) (lines []line) {
	put := func(tone ink.Tone, name, text, end string) {
		text = ink.Cut(text, most-ink.Width(end)) + end
		lines = append(lines, line{text, tone, name})
	}
	signs := ""
	if s.Pivot {
		signs += " ◆"
	}
	if s.Final {
		signs += " ■"
	}
	tone, players := ink.Strong, s.Players
	if len(players) > 0 && players[0].Agent == s.Name { // the step says it all
		if state := g.state(players[0]); state != "" {
			signs = " " + state + signs
		}
		if !players[0].There {
			tone = ink.Bad
		}
		players = players[1:]
	}
	put(tone, "", s.Name, signs)
	if s.When != "" {
		put(ink.Quiet, "", "if "+ink.Clean(s.When), "")
	}
	if len(s.Players) == 0 {
		put(ink.Bad, "", "nobody plays it", "")
	}
	for _, p := range players {
		name, tone := p.Agent, ink.Plain
		if p.Agent != s.Players[0].Agent {
			name = "┄ " + name
		}
		if !p.There {
			tone = ink.Bad
		}
		end := g.state(p)
		if end != "" {
			end = " " + end
		}
		put(tone, "", name, end)
	}
	return lines
}

// state says whether a player is there, and whether it can undo.
func (g Graph) state(p Player) string {
	count, undo := "", ""
	switch {
	case !p.There:
		count = "missing"
	case !g.Live:
	case p.Running == 0:
		count = "?"
	default:
		count = fmt.Sprintf("×%d", p.Running)
	}
	switch p.Undo {
	case CanUndo:
		undo = "↶"
	case CantUndo:
		undo = "no undo"
	}
	return words(" ", count, undo)
}

// outline is for what is too wide to be drawn: a line for each step.
func (g Graph) outline(columns int, in ink.Ink) (lines []string) {
	for _, s := range g.Steps {
		for i, l := range g.inside(s, columns-4) {
			text := "  " + l.text
			if i == 0 {
				text = "● " + l.text + " ← " + cmp.Or(strings.Join(s.After, ", "), "the task")
				if len(s.After) == 0 && !s.begins() {
					text = "● " + l.text
				}
			}
			lines = append(lines, in.Paint(l.tone, ink.Cut(text, columns)))
		}
	}
	return lines
}

// paint draws a layout on a canvas of characters.
func paint(l layout, boxes []box, in ink.Ink) []string {
	var c canvas
	y := 0
	for n, layer := range l.layers {
		if n > 0 {
			y = c.channel(l, layer, y)
		}
		height := 0
		for _, s := range layer {
			if step := l.spots[s].step; step != passing {
				height = max(height, len(boxes[step+1].lines)+2)
			}
		}
		for _, s := range layer {
			c.spot(l, s, boxes, y, height)
		}
		y += height
	}
	return c.lines(in)
}

// A canvas is characters, and lines that meet: a cell knows in which directions
// lines leave it.
type canvas struct {
	cells [][]cell
}

type cell struct {
	lines uint8
	text  rune
	tone  ink.Tone
}

const (
	up uint8 = 1 << iota
	down
	left
	right
)

// stroke is the character of the lines that leave a cell.
func stroke(lines uint8) rune {
	table := map[uint8]rune{
		up: '│', down: '│', up | down: '│', left: '─', right: '─', left | right: '─',
		up | left: '┘', down | left: '┐', up | down | left: '┤', up | right: '└', down | right: '┌', up | down | right: '├',
		up | left | right: '┴', down | left | right: '┬', up | down | left | right: '┼',
	}
	return table[lines]
}

func (c *canvas) at(x, y int) *cell {
	for len(c.cells) <= y {
		c.cells = append(c.cells, nil)
	}
	for len(c.cells[y]) <= x {
		c.cells[y] = append(c.cells[y], cell{})
	}
	return &c.cells[y][x]
}

func (c *canvas) vertical(x, from, to int) {
	for y := from; y < to; y++ {
		c.at(x, y).lines |= down
		c.at(x, y+1).lines |= up
	}
}

func (c *canvas) horizontal(y, from, to int) {
	for x := min(from, to); x < max(from, to); x++ {
		c.at(x, y).lines |= right
		c.at(x+1, y).lines |= left
	}
}

func (c *canvas) write(x, y int, l line) {
	for _, r := range l.text {
		*c.at(x, y) = cell{text: r, tone: l.tone}
		for range ink.Width(string(r)) - 1 {
			x++
			*c.at(x, y) = cell{text: -1}
		}
		x++
	}
}

// spot draws a box, or the edge that passes.
func (c *canvas) spot(l layout, n int, boxes []box, y, height int) {
	s := l.spots[n]
	if s.step == passing {
		c.vertical(s.x, y-1, y+height)
		return
	}
	b := boxes[s.step+1]
	x := s.x - s.width/2
	end := y + len(b.lines) + 1
	c.horizontal(y, x, x+s.width-1)
	c.horizontal(end, x, x+s.width-1)
	c.vertical(x, y, end)
	c.vertical(x+s.width-1, y, end)
	for i, line := range b.lines {
		c.write(x+2, y+1+i, line)
	}
	if slices.ContainsFunc(l.spots, func(next spot) bool { return slices.Contains(next.before, n) }) {
		c.vertical(s.x, end, y+height)
		if end == y+height-1 {
			c.at(s.x, end).lines |= down
		}
	}
}

// channel draws the edges that lead to a layer, and returns where its boxes begin.
// Those that leave one spot share a track, so that a line is one source's; where
// tracks meet in one column, they lead to the same box.
func (c *canvas) channel(l layout, layer []int, y int) int {
	tracks := map[int]int{}
	var sources []int
	for _, n := range layer {
		for _, b := range l.spots[n].before {
			if l.spots[b].x != l.spots[n].x && !slices.Contains(sources, b) {
				sources = append(sources, b)
			}
		}
	}
	slices.SortFunc(sources, func(a, b int) int { return cmp.Compare(l.spots[a].x, l.spots[b].x) })
	for i, s := range sources {
		tracks[s] = y + 1 + i
		if meet(l, layer, sources) {
			tracks[s] = y + 1 // they all lead to one box
		}
	}
	end := y + 2
	for _, t := range tracks {
		end = max(end, t+2)
	}
	if len(sources) == 0 {
		end = y + 1
	}
	for _, n := range layer {
		to := l.spots[n]
		for _, b := range to.before {
			from := l.spots[b]
			turn, turns := tracks[b]
			if !turns || from.x == to.x {
				c.vertical(from.x, y-1, end-1)
			} else {
				c.vertical(from.x, y-1, turn)
				c.horizontal(turn, from.x, to.x)
				c.vertical(to.x, turn, end-1)
			}
		}
		if to.step != passing && len(to.before) > 0 {
			*c.at(to.x, end-1) = cell{text: '▼'}
		}
	}
	return end
}

// meet reports whether all edges of a channel lead to one box.
func meet(l layout, layer, sources []int) bool {
	targets := 0
	for _, n := range layer {
		if len(l.spots[n].before) > 0 {
			targets++
		}
	}
	return targets == 1 && len(sources) > 0
}

func (c *canvas) lines(in ink.Ink) []string {
	var out []string
	for _, row := range c.cells {
		var b strings.Builder
		for i := 0; i < len(row); {
			j, tone := i, row[i].tone
			var run strings.Builder
			for ; j < len(row) && row[j].tone == tone; j++ {
				switch {
				case row[j].text > 0:
					run.WriteRune(row[j].text)
				case row[j].text == 0 && row[j].lines != 0:
					run.WriteRune(stroke(row[j].lines))
				case row[j].text == 0:
					run.WriteRune(' ')
				}
			}
			b.WriteString(in.Paint(tone, run.String()))
			i = j
		}
		out = append(out, strings.TrimRight(b.String(), " "))
	}
	return out
}
