// Package providers is two servers that answer as Google Maps' Directions API
// and OSRM's HTTP API do, over the real roads of package roads, and that fail to
// order:
//
//	google := providers.Google(graph, "key")
//	osrm := providers.OSRM(graph)
//	err := google.Fail(providers.Fault{Mode: providers.Expired})
//	http.ListenAndServe(addr, google)
//
// The same over HTTP, for who has no hand on the server:
//
//	curl -X PUT -d '{"mode": "throttle", "retry_after": 2, "count": 3}' http://127.0.0.1:8095/fault
//	curl http://127.0.0.1:8095/fault
//
// They are for tests and demonstrations: anybody may tell them to fail. What is
// asked of them and what they say has the documented form: Google's has a status
// in an answer with the HTTP status 200, OSRM's a code, and 400 where that is
// not Ok.
//
// # What is not as in life
//
// Google's real service has a map of the world and traffic that was measured.
// This one has a small map, and a curve: a drive takes 1.35 times as long
// between 7 and 9 and between 17 and 19, 1.1 times at other times of the day,
// and no longer at night, by UTC. It geocodes nothing: a place is "lat,lng", and
// anything else is NOT_FOUND. How far from a road the real service looks for one
// is not documented; here it is a kilometre. OSRM's options that are about steps
// and annotations are refused, and its overview is always full.
package providers
