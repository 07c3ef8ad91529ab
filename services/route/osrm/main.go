// The agent osrm stands in for google: it asks an OSRM server, which knows the
// roads, and not what is on them.
package main

import "github.com/unwind-saga/unwind/services/route"

func main() { route.Main(open) }
