package graph

import (
	"cmp"
	"slices"
)

// A layout has the steps in layers, from the task down. An edge that passes a
// layer has a spot there too, so that nothing is drawn across a box.
type layout struct {
	layers [][]int // spots, from left to right
	spots  []spot
}

// A spot is a place in a layer: the task's, a step's, or an edge's on its way.
type spot struct {
	step   int // in the graph; task and passing are none
	layer  int
	before []int // the spots above that lead here
	width  int
	x      int // of its middle
}

const (
	task    = -1
	passing = -2
)

// arrange lays the steps out. Of steps that wait for each other, the edge that
// would lead up is left out.
func arrange(g Graph, width func(step int) int, gap int) layout {
	l := layout{spots: []spot{{step: task, width: width(task)}}, layers: [][]int{{0}}}
	at := map[string]int{} // spot of a step
	for i, s := range g.Steps {
		layer := 1
		var above []int
		for _, before := range s.After {
			if b, ok := at[before]; ok { // else it comes later: a cycle
				above = append(above, b)
				layer = max(layer, l.spots[b].layer+1)
			}
		}
		if s.begins() {
			above = append(above, 0)
		}
		for j, from := range above {
			for l.spots[from].layer < layer-1 {
				from = l.pass(from)
			}
			above[j] = from
		}
		at[s.Name] = l.add(spot{step: i, layer: layer, before: above, width: width(i)})
	}
	l.sort()
	l.place(gap)
	return l
}

func (l *layout) add(s spot) int {
	n := len(l.spots)
	l.spots = append(l.spots, s)
	for len(l.layers) <= s.layer {
		l.layers = append(l.layers, nil)
	}
	l.layers[s.layer] = append(l.layers[s.layer], n)
	return n
}

// pass leads an edge through the next layer; edges from one spot share the way.
func (l *layout) pass(from int) int {
	layer := l.spots[from].layer + 1
	if layer < len(l.layers) {
		for _, n := range l.layers[layer] {
			if s := l.spots[n]; s.step == passing && s.before[0] == from {
				return n
			}
		}
	}
	return l.add(spot{step: passing, layer: layer, before: []int{from}, width: 1})
}

// sort brings each layer in the order of what it follows, then of what follows it.
func (l *layout) sort() {
	rank := make([]float64, len(l.spots))
	number := func() {
		for _, layer := range l.layers {
			for i, n := range layer {
				rank[n] = float64(i) - float64(len(layer)-1)/2
			}
		}
	}
	after := make([][]int, len(l.spots))
	for n, s := range l.spots {
		for _, b := range s.before {
			after[b] = append(after[b], n)
		}
	}
	mean := func(n int, near []int) float64 {
		if len(near) == 0 {
			return rank[n]
		}
		sum := 0.0
		for _, m := range near {
			sum += rank[m]
		}
		return sum / float64(len(near))
	}
	number()
	for range 4 {
		for _, layer := range l.layers {
			slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean(a, l.spots[a].before), mean(b, l.spots[b].before)) })
			number()
		}
		for _, layer := range slices.Backward(l.layers) {
			slices.SortStableFunc(layer, func(a, b int) int { return cmp.Compare(mean(a, after[a]), mean(b, after[b])) })
			number()
		}
	}
}

// place gives each spot its x: every layer is in the middle.
func (l *layout) place(gap int) {
	whole := l.wide(gap)
	for _, layer := range l.layers {
		x := (whole - l.span(layer, gap)) / 2
		for _, n := range layer {
			s := &l.spots[n]
			s.x = x + s.width/2
			x += s.width + gap
		}
	}
}

func (l *layout) wide(gap int) (whole int) {
	for _, layer := range l.layers {
		whole = max(whole, l.span(layer, gap))
	}
	return whole
}

func (l *layout) span(layer []int, gap int) int {
	sum := -gap
	for _, n := range layer {
		sum += l.spots[n].width + gap
	}
	return sum
}
