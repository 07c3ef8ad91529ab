// The agent vehicle reserves a vehicle for an order, and frees it when the order
// comes to nothing.
package main

import "github.com/unwind-saga/unwind/services/route"

func main() { route.Main(open, schema) }
