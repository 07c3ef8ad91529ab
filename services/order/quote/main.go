// The agent quote says what an order costs. It only looks: there is nothing to
// undo.
package main

import "github.com/unwind-saga/unwind/services/order"

func main() { order.Main(open) }
