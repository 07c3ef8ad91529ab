// Package geo is places on the earth, as far as two questions need them: is
// this one at all, and how far is it from there as the crow flies?
package geo

import (
	"fmt"
	"math"
)

// A Point is a place in degrees (WGS 84).
type Point struct {
	Lat float64 `json:"lat"`
	Lon float64 `json:"lon"`
}

func (p Point) String() string { return fmt.Sprintf("%.5f,%.5f", p.Lat, p.Lon) }

// Check says what is wrong with a point. Nobody wants to go to 0,0 in the Gulf
// of Guinea: that is what a field which nobody filled in looks like.
func (p Point) Check() error {
	switch {
	case !(math.Abs(p.Lat) <= 90): // NaN is refused too
		return fmt.Errorf("latitude %v is not between -90 and 90", p.Lat)
	case !(math.Abs(p.Lon) <= 180):
		return fmt.Errorf("longitude %v is not between -180 and 180", p.Lon)
	case p == Point{}:
		return fmt.Errorf("0,0 is where coordinates are that nobody filled in")
	}
	return nil
}

// radius of a sphere with the earth's mean radius (IUGG), in metres.
const radius = 6_371_008.8

// Distance is the great-circle distance in metres. The earth is no sphere: it is
// up to 0.6 % off.
func Distance(a, b Point) float64 {
	lat1, lat2 := radians(a.Lat), radians(b.Lat)
	h := square(math.Sin((lat2-lat1)/2)) + math.Cos(lat1)*math.Cos(lat2)*square(math.Sin(radians(b.Lon-a.Lon)/2))
	return 2 * radius * math.Asin(math.Sqrt(min(1, h)))
}

// Between is the point at the share t of the straight way from a to b, for
// points that are near each other.
func Between(a, b Point, t float64) Point {
	return Point{Lat: a.Lat + t*(b.Lat-a.Lat), Lon: a.Lon + t*(b.Lon-a.Lon)}
}

// Along is how far along from a to b the point of that line is that is nearest
// to p, as a share between 0 and 1, for points that are near each other.
func Along(a, b, p Point) float64 {
	shrink := math.Cos(radians(p.Lat)) // a degree of longitude, in degrees of latitude
	dx, dy := (b.Lon-a.Lon)*shrink, b.Lat-a.Lat
	length := dx*dx + dy*dy
	if length == 0 {
		return 0
	}
	t := ((p.Lon-a.Lon)*shrink*dx + (p.Lat-a.Lat)*dy) / length
	return max(0, min(1, t))
}

func radians(degrees float64) float64 { return degrees * math.Pi / 180 }

func square(x float64) float64 { return x * x }
