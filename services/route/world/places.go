package world

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/unwind-saga/unwind/services/route/geo"
	"github.com/unwind-saga/unwind/services/route/trip"
)

// Places are where people want to, by name: the villages where OpenStreetMap has
// them, and two from which no road of ours leads anywhere.
var Places = map[string]geo.Point{
	"Balzers":     {Lat: 47.0666667, Lon: 9.5},
	"Bendern":     {Lat: 47.2122144, Lon: 9.5062136},
	"Eschen":      {Lat: 47.2107568, Lon: 9.5204615},
	"Malbun":      {Lat: 47.1027, Lon: 9.6097},
	"Nendeln":     {Lat: 47.1973842, Lon: 9.5430689},
	"Planken":     {Lat: 47.1858848, Lon: 9.5452211},
	"Ruggell":     {Lat: 47.2397558, Lon: 9.5262874},
	"Schaan":      {Lat: 47.1663397, Lon: 9.510312},
	"Schaanwald":  {Lat: 47.2165446, Lon: 9.5700026},
	"Triesen":     {Lat: 47.106994, Lon: 9.5274876},
	"Triesenberg": {Lat: 47.1186181, Lon: 9.5433663},
	"Vaduz":       {Lat: 47.1392862, Lon: 9.5227962},

	"Cut-off":   {Lat: 47.14502, Lon: 9.52508},   // a road of Vaduz that the map joins to no other
	"Reykjavik": {Lat: 64.14667, Lon: -21.94083}, // across the sea
}

// Order is an order between two places that departs then, and has so much time.
func Order(from, to string, depart time.Time, within time.Duration) ([]byte, error) {
	a, b := Places[from], Places[to]
	if a == (geo.Point{}) || b == (geo.Point{}) {
		return nil, fmt.Errorf("from %q to %q: the places are %s", from, to, strings.Join(slices.Sorted(maps.Keys(Places)), ", "))
	}
	depart = depart.UTC().Truncate(time.Second)
	return json.Marshal(trip.Order{From: a, To: b, Depart: depart, Due: depart.Add(within)})
}
