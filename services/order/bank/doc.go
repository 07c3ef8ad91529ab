// Package bank is Stripe with a memory, for demonstrations and tests: it speaks
// the part of Stripe's API that takes a payment and gives it back, and can be
// told to fail in each way in which Stripe, or the line to it, fails.
//
// Begin with [New], in front of a running stripe-mock, and serve [Bank.Handler]
// on loopback. stripe-mock is Stripe's own: it judges every request by the
// published specification of the API and answers in its form, but it forgets
// everything. The bank passes each request on to it, so what Stripe would not
// understand is refused here too, and puts into the answer what it remembers:
//
//	POST /v1/payment_intents                 requires_confirmation, and no money has moved
//	POST /v1/payment_intents/{id}/confirm    succeeded; or 402, and requires_payment_method
//	POST /v1/payment_intents/{id}/cancel     canceled: it can never be confirmed again
//	GET  /v1/payment_intents/{id}
//	POST /v1/refunds                         of all of it, once
//
// A payment method decides as in Stripe's test mode: pm_card_visa pays, and
// pm_card_chargeDeclined does not, nor whatever else has Declined in its name.
//
// # Idempotency keys
//
// They are kept as Stripe keeps them for API v1: the first answer under a key,
// a 500 too, is the answer to every later request with this key and these
// parameters, marked by Idempotent-Replayed; other parameters are a 400
// idempotency_error; a request that comes while the first runs is a 409. An
// answer is kept from the moment in which the request was found to be valid.
//
// # Beside the API
//
//	GET /bank/intents                        what it remembers
//	GET /bank/faults                         what is set
//	PUT /bank/faults {"mode":"lose","on":"confirm","count":1}
//
// It knows one currency from another as little as one merchant from another, and
// keeps all in memory: what is left when it ends is nothing.
package bank
