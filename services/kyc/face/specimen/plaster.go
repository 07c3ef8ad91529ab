package specimen

import "math"

// plaster is a head cast once for a picture: the height of the face on a grid, so
// that the lamp and the turn of the head can ask for it a million times.
type plaster struct {
	heights [rows * cols]float64
}

// The cast covers u from -1.1 to 1.1 and v from -1.5 to 1.2, a point each mesh.
const (
	mesh        = 0.0125
	left, above = -1.1, -1.5
	cols, rows  = 177, 217
)

func castOf(p *person, smile float64) *plaster {
	var c plaster
	for row := range rows {
		for col := range cols {
			c.heights[row*cols+col] = p.height(left+float64(col)*mesh, above+float64(row)*mesh, smile)
		}
	}
	return &c
}

// at is the height at (u, v), between the points of the grid by proportion. Outside
// of the grid the edge goes on.
func (c *plaster) at(u, v float64) float64 {
	x := min(max((u-left)/mesh, 0), cols-1.001)
	y := min(max((v-above)/mesh, 0), rows-1.001)
	col, row := math.Floor(x), math.Floor(y)
	i := int(row)*cols + int(col)
	top := mix(c.heights[i], c.heights[i+1], x-col)
	low := mix(c.heights[i+cols], c.heights[i+cols+1], x-col)
	return mix(top, low, y-row)
}

// normal is the direction the surface looks in at (u, v).
func (c *plaster) normal(u, v float64) [3]float64 {
	const flat = 0.75 // a face lit as steeply as it is carved looks like stone
	du := (c.at(u+mesh, v) - c.at(u-mesh, v)) / (2 * mesh)
	dv := (c.at(u, v+mesh) - c.at(u, v-mesh)) / (2 * mesh)
	return unit([3]float64{-flat * du, -flat * dv, 1})
}
