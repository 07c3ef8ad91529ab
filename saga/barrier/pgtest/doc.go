// Package pgtest starts a real PostgreSQL for tests, and for demos: the
// installed binaries, on a folder of its own and a free port of the loopback
// interface.
//
//	func TestBooking(t *testing.T) {
//		pool, err := pgxpool.New(t.Context(), pgtest.Open(t))
//		...
//	}
//
// [Open] gives each test an empty database on a server that all tests of the
// process share: a database takes some 30 ms, a server more than a second. The
// server ends with the process, however that ends, and its folder with it.
//
// A program without a test starts one itself, and keeps its folder:
//
//	server, err := pgtest.Start(ctx, "/tmp/demo/pg")
//	if err != nil { ... }
//	defer server.Stop()
//	pool, err := pgxpool.New(ctx, server.DSN())
//
// PostgreSQL refuses to run as root. Root's processes start it as the user
// postgres, which the packages make; so the folder must be one that this user
// can reach.
//
// It is not a way to run a database that matters: it listens without a
// password, and by default it does not sync to disk. A process that is killed
// loses nothing by that, a power loss may take all.
package pgtest
