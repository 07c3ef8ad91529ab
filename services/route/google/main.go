// The agent google asks Google Maps' Directions API how far it is.
package main

import "github.com/unwind-saga/unwind/services/route"

func main() { route.Main(open) }
