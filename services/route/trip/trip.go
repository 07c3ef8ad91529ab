// Package trip is what is asked of the family, and what its step `directions`
// answers, whoever performs it: a service with traffic, a map, a formula or a
// person.
//
//	order, err := trip.Read(task.Payload)
//	err = directions.Check(start, end)   // may this be believed?
//
// The schemas beside this file say the same to those who don't write Go. An
// answer says who gave it and how good it is; it is judged before it becomes a
// result, because a route that is ten times too short is worse than none.
package trip

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/services/route/geo"
)

// An Order is a drive that somebody wants.
type Order struct {
	From   geo.Point `json:"from"`
	To     geo.Point `json:"to"`
	Depart time.Time `json:"depart"`
	Due    time.Time `json:"due"` // when it has to be there
}

// longest is how long a vehicle may be kept for one order.
const longest = 24 * time.Hour

// Read reads an order and says what is wrong with it.
func Read(payload []byte) (Order, error) {
	var o Order
	if err := json.Unmarshal(payload, &o); err != nil {
		return Order{}, fmt.Errorf("read the order: %w", err)
	}
	if err := o.From.Check(); err != nil {
		return Order{}, fmt.Errorf("read the order: from: %w", err)
	}
	if err := o.To.Check(); err != nil {
		return Order{}, fmt.Errorf("read the order: to: %w", err)
	}
	switch d := o.Due.Sub(o.Depart); {
	case o.Depart.IsZero() || o.Due.IsZero():
		return Order{}, errors.New("read the order: depart and due are both needed")
	case d <= 0:
		return Order{}, errors.New("read the order: it is due before it departs")
	case d > longest:
		return Order{}, fmt.Errorf("read the order: it would keep a vehicle for %s, %s is the longest", d, longest)
	}
	return o, nil
}

// Quality is what an answer rests on.
type Quality string

// The qualities, best first. A person knows what they rest it on; we don't.
const (
	Traffic  Quality = "traffic"  // roads, and how full they are
	Roads    Quality = "roads"    // roads, as if they were empty
	Estimate Quality = "estimate" // the distance as the crow flies, and experience
	Person   Quality = "person"
)

// Directions are an answer.
type Directions struct {
	Metres      int     `json:"distance_m"`
	Seconds     int     `json:"duration_s"`
	Polyline    string  `json:"polyline,omitempty"` // Google's format, five decimals
	By          string  `json:"by"`
	Quality     Quality `json:"quality"`
	Bounds      *Bounds `json:"bounds,omitempty"`      // where they are known
	Attribution string  `json:"attribution,omitempty"` // to be shown with the route
}

// Bounds are between what most such drives would be, each the lower one first.
// Whoever gives some says what they rest on: see package estimate.
type Bounds struct {
	Metres  [2]int `json:"distance_m"`
	Seconds [2]int `json:"duration_s"`
}

// MostPolyline is how long a polyline may be in a result: with a longer one the
// results would not fit into the message that the next step is woken by.
const MostPolyline = 8 << 10

// Line is the polyline if it may be in a result.
func Line(polyline string) string {
	if len(polyline) > MostPolyline {
		return ""
	}
	return polyline
}

const (
	// Off is how far a road may be from the place that was asked for, in metres.
	Off = 1000

	// A road's length is between the great circle, less what the sphere is
	// wrong, and detour times as much; the longest of 2,000 random drives on the
	// map of package roads had 8.8. What is near, but across a river or on
	// another road's bridge, gets some kilometres more.
	shortcut = 0.99
	detour   = 10
	aside    = 5000

	slowest, fastest = 2.0, 130.0 // km/h, on average
)

// Check says why an answer is not to be believed. Start and end are the places
// on the road that it is between.
func (d Directions) Check(o Order, start, end geo.Point) error {
	straight := geo.Distance(start, end)
	switch away, left := geo.Distance(o.From, start), geo.Distance(o.To, end); {
	case !(away <= Off): // NaN is refused too
		return fmt.Errorf("it starts %.0f m from where it should", away)
	case !(left <= Off):
		return fmt.Errorf("it ends %.0f m from where it should", left)
	case float64(d.Metres) < straight*shortcut-1:
		return fmt.Errorf("%d m are less than the great circle of %.0f m", d.Metres, straight)
	case float64(d.Metres) > straight*detour+aside:
		return fmt.Errorf("%d m are too many for a great circle of %.0f m", d.Metres, straight)
	case d.Seconds < 0, d.Seconds == 0 && d.Metres > 0:
		return fmt.Errorf("%d m in %d s", d.Metres, d.Seconds)
	}
	// On the last metres an average says nothing.
	if kmh := float64(d.Metres) / float64(d.Seconds) * 3.6; d.Metres > 500 && (kmh < slowest || kmh > fastest) {
		return fmt.Errorf("%d m in %d s are %.0f km/h", d.Metres, d.Seconds, kmh)
	}
	return nil
}
