// Package world is everything around the agents of the order pipeline that is not
// theirs: a PostgreSQL server with the shop's database and those of two
// warehouses, two mail servers, and a bank that speaks Stripe's API; and the eye
// that looks, when a saga has ended, what is there of it. It never asks the saga:
// it looks where the effects are.
//
//	w, err := world.Open(ctx, folder, world.Config{})
//	defer w.Close()
//	crew, err := dev.Start(ctx, dev.Config{Env: w.Env(), ...}, programs)
//	...
//	books, err := w.Books(ctx)
//	books["order-1"].Charged
//
// All of it are real programs in processes of their own. PostgreSQL has to be
// installed; mailpit and stripe-mock are built by the go command at pinned
// versions, once for each user, and kept beside the go command's own cache.
// Before stripe-mock, which remembers nothing, stands package bank.
//
// The demonstration, the tests of real processes and the command outside live in
// it. It is on loopback, asks nobody for a password, and what is left of it when it
// closes is nothing.
package world
