// The agent stock reserves an order in a warehouse, and releases it. It is
// stock-second too: the same program, in front of another warehouse.
package main

import "github.com/unwind-saga/unwind/services/order"

func main() { order.Main(open) }
