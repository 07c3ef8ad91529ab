// The agent payment takes the money for an order over Stripe, and gives it back.
//
// A charge is made in two steps, so that no money moves before it is written down
// where:
//
//  1. note the payment under its idempotency key, inside the barrier: a key that
//     was compensated is refused here
//  2. create a payment intent, under the same key at Stripe; nothing is charged
//  3. note the intent; refused if the payment was undone meanwhile
//  4. confirm the intent: this is the charge
//
// Whoever undoes it, whatever is known of the outcome, finds the intent by the key
// and asks Stripe where it stands: one that was charged is refunded, any other is
// cancelled, and Stripe will never confirm a cancelled one. So a late process can't
// charge for an order that has gone back, and a lost answer costs nobody anything.
// None of this leans on Stripe's search, which is behind by up to a minute, nor on
// its idempotency keys for longer than the 24 hours that they live.
package main

import "github.com/unwind-saga/unwind/services/order"

func main() { order.Main(open) }
