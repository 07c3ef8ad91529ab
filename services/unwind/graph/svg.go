package graph

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/unwind-saga/unwind/services/unwind/ink"
)

// The measures of the picture, in pixels. Letters are as wide as they are on
// average: no font is known where it is drawn.
const (
	margin   = 24
	gapX     = 28
	gapY     = 46
	pad      = 14
	rowHigh  = 22
	headHigh = 24
	letter   = 7.6
	bold     = 8.3
)

const look = `
  .bg { fill: #ffffff }
  .card { fill: #f6f8fa; stroke: #d0d7de; stroke-width: 1.2 }
  .pivot { stroke: #8250df; stroke-width: 2 }
  .final { stroke: #57606a; stroke-width: 2 }
  .gone { stroke: #cf222e; stroke-dasharray: 5 4 }
  .edge { fill: none; stroke: #8c959f; stroke-width: 1.6 }
  .tip { fill: #8c959f }
  .rule { stroke: #afb8c1; stroke-dasharray: 3 4 }
  text { font-family: system-ui, "DejaVu Sans", sans-serif; font-size: 13px; fill: #1f2328 }
  .title { font-weight: 600; font-size: 14px }
  .quiet { fill: #59636e }
  .bad { fill: #cf222e }
  .badge { font-size: 11px; font-weight: 600 }
  .badge.p { fill: #8250df }
  .on { fill: #1a7f37 } .off { fill: #cf222e } .file { fill: #8c959f }
  @media (prefers-color-scheme: dark) {
    .bg { fill: #0d1117 }
    .card { fill: #161b22; stroke: #3d444d }
    .pivot { stroke: #ab7df8 } .final { stroke: #9198a1 } .gone { stroke: #f85149 }
    .edge { stroke: #656c76 } .tip { fill: #656c76 } .rule { stroke: #3d444d }
    text { fill: #f0f6fc } .quiet { fill: #9198a1 } .bad { fill: #f85149 } .badge.p { fill: #ab7df8 }
    .on { fill: #3fb950 } .off { fill: #f85149 } .file { fill: #656c76 }
  }
`

// SVG draws a picture that is legible on light and dark ground, as whoever looks
// at it has it.
func (g Graph) SVG(w io.Writer) error {
	cards := []card{{title: "task"}}
	for _, s := range g.Steps {
		cards = append(cards, g.card(s))
	}
	l := arrange(g, func(step int) int { return cards[step+1].width() }, gapX)
	p := picture{layout: l, cards: cards, shift: margin}
	width := max(l.wide(gapX)+2*margin, 360)
	p.shift = (width - l.wide(gapX)) / 2
	p.top = margin + 30
	var body strings.Builder
	p.draw(&body)
	height := p.top + 12 - gapY
	foot := ""
	if len(g.Missing) > 0 {
		height += 26
		foot = fmt.Sprintf(`<text class="bad" x="%d" y="%d">missing: %s</text>`+"\n", margin, height-8, escape(strings.Join(g.Missing, ", ")))
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-label="%s">
<style>%s</style>
<rect class="bg" width="100%%" height="100%%"/>
<text class="title" x="%d" y="%d">%s</text>
%s%s</svg>
`, width, height+margin/2, width, height+margin/2, escape(g.title()), look, margin, margin+8, escape(g.title()), body.String(), foot)
	return err
}

// A card is a step's box.
type card struct {
	title, class, badge, when string
	rows                      []row
}

type row struct{ dot, name, says, tone string }

func (g Graph) card(s Step) card {
	c := card{title: s.Name, when: ink.Cut(ink.Clean(s.When), 44), class: "card"}
	switch {
	case s.Pivot && s.Final:
		c.badge, c.class = "PIVOT · FINAL", "card pivot"
	case s.Pivot:
		c.badge, c.class = "PIVOT", "card pivot"
	case s.Final:
		c.badge, c.class = "FINAL", "card final"
	}
	there := false
	for i, p := range s.Players {
		r := row{name: p.Agent, dot: "file"}
		if i > 0 {
			r.name = "else " + p.Agent
		}
		there = there || p.There
		switch {
		case !p.There:
			r.dot, r.says, r.tone = "off", "missing", "bad"
		case g.Live && p.Running == 0:
			r.dot, r.says = "on", "listens"
		case g.Live:
			r.dot, r.says = "on", fmt.Sprintf("×%d", p.Running)
		}
		undo := map[Undo]string{CanUndo: "↶ undo", CantUndo: "no undo"}[p.Undo]
		r.says = words("  ", r.says, undo)
		c.rows = append(c.rows, r)
	}
	if len(s.Players) == 0 {
		c.rows = append(c.rows, row{"off", "nobody plays it", "", "bad"})
	}
	if !there {
		c.class += " gone"
	}
	return c
}

func wide(text string, each float64) int { return int(float64(ink.Width(text)) * each) }

func (c card) width() int {
	if c.rows == nil {
		return (wide(c.title, letter) + 2*pad + 1) / 2 * 2
	}
	w := wide(c.title, bold)
	if c.badge != "" {
		w += wide(c.badge, 7.6) + 16
	}
	if c.when != "" {
		w = max(w, wide("if "+c.when, letter))
	}
	for _, r := range c.rows {
		w = max(w, 16+wide(r.name, letter)+18+wide(r.says, letter))
	}
	return (w + 2*pad + 1) / 2 * 2 // even, so that lines between middles are straight
}

func (c card) height() int {
	if c.rows == nil {
		return 28
	}
	h := headHigh + pad/2 + len(c.rows)*rowHigh + pad/2
	if c.when != "" {
		h += rowHigh - 2
	}
	return h
}

// A picture grows from the top, layer by layer.
type picture struct {
	layout
	cards      []card
	shift, top int
}

func (p *picture) draw(w *strings.Builder) {
	bottom := map[int]int{} // of each spot: where its edges leave
	for n, layer := range p.layers {
		if n > 0 {
			for _, at := range layer {
				to := p.spots[at]
				for _, from := range to.before {
					p.edge(w, p.spots[from].x, bottom[from], to.x, p.top, to.step != passing)
				}
			}
		}
		high := 0
		for _, at := range layer {
			if s := p.spots[at]; s.step != passing {
				high = max(high, p.cards[s.step+1].height())
			}
		}
		for _, at := range layer {
			s := p.spots[at]
			if s.step == passing {
				bottom[at] = p.top + high
				p.line(w, s.x, p.top, p.top+high)
				continue
			}
			c := p.cards[s.step+1]
			p.card(w, c, s.x-s.width/2+p.shift, p.top, s.width)
			bottom[at] = p.top + c.height()
		}
		p.top += high + gapY
	}
}

func (p *picture) line(w *strings.Builder, x, from, to int) {
	fmt.Fprintf(w, `<path class="edge" d="M%d %dV%d"/>`+"\n", x+p.shift, from, to)
}

func (p *picture) edge(w *strings.Builder, x, y, toX, toY int, arrives bool) {
	x, toX = x+p.shift, toX+p.shift
	end := toY
	if arrives {
		end -= 7
	}
	bend := end - gapY/2 // beside a shorter card, the line first goes down straight
	if start := toY - gapY; start > y {
		fmt.Fprintf(w, `<path class="edge" d="M%d %dV%dC%d %d %d %d %d %d"/>`+"\n", x, y, start, x, bend, toX, bend, toX, end)
	} else {
		fmt.Fprintf(w, `<path class="edge" d="M%d %dC%d %d %d %d %d %d"/>`+"\n", x, y, x, bend, toX, bend, toX, end)
	}
	if arrives {
		fmt.Fprintf(w, `<path class="tip" d="M%d %dl-5 -9h10z"/>`+"\n", toX, toY)
	}
}

func (p *picture) card(w *strings.Builder, c card, x, y, width int) {
	if c.rows == nil {
		fmt.Fprintf(w, `<rect class="card" x="%d" y="%d" width="%d" height="%d" rx="14"/>`+"\n", x, y, width, c.height())
		fmt.Fprintf(w, `<text class="quiet" x="%d" y="%d" text-anchor="middle">%s</text>`+"\n", x+width/2, y+19, escape(c.title))
		return
	}
	fmt.Fprintf(w, `<rect class="%s" x="%d" y="%d" width="%d" height="%d" rx="8"/>`+"\n", c.class, x, y, width, c.height())
	y += headHigh
	fmt.Fprintf(w, `<text class="title" x="%d" y="%d">%s</text>`+"\n", x+pad, y, escape(c.title))
	if c.badge != "" {
		kind := "quiet"
		if strings.Contains(c.class, "pivot") {
			kind = "p"
		}
		fmt.Fprintf(w, `<text class="badge %s" x="%d" y="%d" text-anchor="end">%s</text>`+"\n", kind, x+width-pad, y, escape(c.badge))
	}
	if c.when != "" {
		y += rowHigh - 2
		fmt.Fprintf(w, `<text class="quiet" x="%d" y="%d" font-style="italic">if %s</text>`+"\n", x+pad, y, escape(c.when))
	}
	for i, r := range c.rows {
		y += rowHigh
		if i > 0 {
			fmt.Fprintf(w, `<path class="rule" d="M%d %dH%d"/>`+"\n", x+pad, y-16, x+width-pad)
		}
		fmt.Fprintf(w, `<circle class="%s" cx="%d" cy="%d" r="4"/>`+"\n", r.dot, x+pad+4, y-4)
		fmt.Fprintf(w, `<text class="%s" x="%d" y="%d">%s</text>`+"\n", r.tone, x+pad+16, y, escape(r.name))
		if r.says != "" {
			tone := r.tone
			if tone == "" {
				tone = "quiet"
			}
			fmt.Fprintf(w, `<text class="%s" x="%d" y="%d" text-anchor="end" xml:space="preserve">%s</text>`+"\n", tone, x+width-pad, y, escape(r.says))
		}
	}
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
