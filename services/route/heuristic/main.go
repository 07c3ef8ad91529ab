// The agent heuristic stands in when nobody can be asked: it estimates.
package main

import "github.com/unwind-saga/unwind/services/route"

func main() { route.Main(open) }
