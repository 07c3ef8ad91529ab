// Package estimate says how far a drive is when nobody can be asked: the
// distance as the crow flies, and what is known about how much longer roads are.
//
//	d, err := estimate.Of(order, "heuristic", areas)
//
// # Where the figures are from
//
// How much longer: the detour factors of cars and motorcycles in the Swiss
// Mobility and Transport Microcensus 2015, by length of the routed leg, as
// published by A. Danalet of the Federal Office for Spatial Development ARE
// (github.com/antonindanalet/detourfactor, mtmc2015: the median, and the value
// that one leg in ten is above). The method is that of Chalasani, Denstadli,
// Engebretsen and Axhausen, Precision of Geocoded Locations and Network Distance
// Estimates, Journal of Transportation and Statistics 8(2), 2005. The lower
// bound is what no road can be below, the great circle.
//
// How fast: up to 25 km, what OSRM's speeds come to on the map of package roads
// (2,000 random drives: one in ten slower than 37 km/h, half below 45, one in
// ten faster than 50). Beyond, no data: the speeds of OSRM's profile for primary
// roads, trunk roads and motorways, as a house rule.
//
// # What it is not
//
// It has no map, so it can't tell land from water, and a valley from the next
// one behind the mountain. Therefore it speaks only of areas that somebody has
// named, in which every place can be reached from every other by road; and the
// bounds hold for nine drives of ten in a country like Switzerland, not for
// yours. Between random points of our own map, which are often on two sides of a
// mountain, they held for 79 of 100, and the distance was off by 19 % on average
// (TestAgainstRoads).
package estimate

import (
	"errors"
	"fmt"
	"math"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/trip"
)

// A band is what is known of drives up to a length.
type band struct {
	upTo         float64 // metres by road
	factor, most float64 // of the great circle: half of the drives are below, nine of ten
	slow, kmh    float64 // a speed that nine of ten are above, that half are above,
	fast         float64 // and that one of ten is above
}

var bands = []band{
	{5e3, 1.37, 1.89, 37, 45, 50},
	{10e3, 1.32, 1.86, 37, 45, 50},
	{25e3, 1.34, 1.88, 37, 45, 50},
	{50e3, 1.38, 2.00, 45, 65, 85},
	{75e3, 1.43, 2.02, 45, 65, 85},
	{100e3, 1.41, 1.92, 65, 85, 110},
	{math.Inf(1), 1.42, 1.83, 65, 85, 110},
}

// ErrElsewhere says that an order is not within one area that is known.
var ErrElsewhere = errors.New("it is not within an area in which every place can be reached by road")

// An Area is a box in which every place can be reached from every other by road.
// Whoever names one promises that.
type Area struct {
	Name  string  `yaml:"name"`
	South float64 `yaml:"south"`
	West  float64 `yaml:"west"`
	North float64 `yaml:"north"`
	East  float64 `yaml:"east"`
}

func (a Area) has(p geo.Point) bool {
	return p.Lat >= a.South && p.Lat <= a.North && p.Lon >= a.West && p.Lon <= a.East
}

// Check says what is wrong with an area.
func (a Area) Check() error {
	if !(a.South < a.North && a.West < a.East) || math.Abs(a.South) > 90 || math.Abs(a.North) > 90 {
		return fmt.Errorf("area %q: south %v and north %v, west %v and east %v are no box", a.Name, a.South, a.North, a.West, a.East)
	}
	return nil
}

// Of estimates a drive, within one of the areas.
func Of(o trip.Order, by string, areas []Area) (trip.Directions, error) {
	for _, a := range areas {
		if a.has(o.From) && a.has(o.To) {
			return guess(geo.Distance(o.From, o.To), by), nil
		}
	}
	return trip.Directions{}, ErrElsewhere
}

func guess(straight float64, by string) trip.Directions {
	b := bandOf(straight)
	metres, most := straight*b.factor, straight*b.most
	return trip.Directions{
		Metres: whole(metres), Seconds: seconds(metres, b.kmh), By: by, Quality: trip.Estimate,
		Bounds: &trip.Bounds{
			Metres:  [2]int{whole(straight), whole(most)},
			Seconds: [2]int{seconds(straight, b.fast), seconds(most, b.slow)},
		},
	}
}

// bandOf finds the first band that the drive is in by its own factor.
func bandOf(straight float64) band {
	for _, b := range bands {
		if straight*b.factor <= b.upTo {
			return b
		}
	}
	return bands[len(bands)-1]
}

func whole(x float64) int { return int(math.Round(x)) }

func seconds(metres, kmh float64) int { return whole(math.Ceil(metres / kmh * 3.6)) }
