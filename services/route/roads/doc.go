// Package roads is a map of real roads and the fastest way over them: those of
// Liechtenstein and just across its borders, 13,000 pieces between 11,600
// points, as OpenStreetMap had them in 2013.
//
//	g, err := roads.Load()
//	from, to := g.Nearest(a), g.Nearest(b)   // on the nearest road, and how far that is
//	route, err := g.Route(from, to)          // ErrNoRoute: one can't be reached from the other
//
// It is what the two servers of package providers answer from, so that tests and
// the demonstration have distances that can be looked up on any map. The data is
// © OpenStreetMap contributors, under the Open Database Licence: see NOTICE.
//
// # What it knows, and what not
//
// Speeds are those of OSRM's car profile (profiles/car.lua): by class of road,
// or four fifths of the speed limit where one was mapped. One-way streets are
// kept. There are no turn restrictions, no time for turning and none for lights,
// so a drive takes a little longer in life. Nearest looks at every piece, which
// takes a fraction of a millisecond; a larger map would want an index.
package roads
