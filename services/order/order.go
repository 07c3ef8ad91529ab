// Package order is a pipeline of agents that carries out an order: it prices it,
// reserves it in a warehouse, takes the money and says so by mail. Each is a
// program of its own, with its own configuration, and knows nothing of the others:
//
//	quote -> stock -> payment -> confirmation
//
// stock-second stands in for stock with another warehouse, and
// confirmation-relay for confirmation with another mail server. The effects are
// in real houses: reservations in PostgreSQL, charges at Stripe, letters at SMTP
// servers.
//
// # Why in this order
//
// What can be refused comes before what costs something, and what can be undone
// before what can't. A quote leaves nothing. A reservation is ours, and released
// in one transaction. A charge can be refunded, but the customer sees it and the
// fee is gone: so it comes after everything that may still say no, and it is the
// pivot. Behind it is only the mail, which can't be called back and needs nobody's
// consent: it is tried until it is sent.
//
// # What is here
//
// [Main], with which each of them begins. What they do is in packages of its own
// (catalogue, warehouse, services/mail), none of which knows that there are
// sagas; package bank is a Stripe to try it with, and world all of the outside.
package order

import "github.com/unwind-saga/unwind/services/host"

// An Opener makes an agent's handler from its configuration. What it returns
// beside is closed when the agent has stopped; it may be nil.
type Opener = host.Opener

// Main runs an agent until it is told to stop: see [host.Open].
func Main(open Opener) { host.Open(open) }
