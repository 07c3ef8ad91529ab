// The agent confirmation tells the customer that the order is on its way: the
// last step. It is confirmation-relay too: the same program, in front of another
// mail server.
package main

import "github.com/unwind-saga/unwind/services/order"

func main() { order.Main(open) }
