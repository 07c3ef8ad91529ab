package client_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/unwind-saga/unwind/events/eventtest"
	"github.com/unwind-saga/unwind/saga/client"
)

// An upstream that derives the id from what the saga is about may submit as
// often as it likes: there is one saga.
func ExampleSubmit() {
	ctx := context.Background()
	log := eventtest.NewLog() // or broker.Connect
	defer log.Close()
	if err := log.Ensure(ctx, "trip"); err != nil { // an agent does that
		fmt.Println(err)
		return
	}
	for range 2 {
		seq, err := client.Submit(ctx, log, "trip", "order-1", []byte(`{"seat": "12A"}`), "shop")
		switch {
		case errors.Is(err, client.ErrDuplicate):
			fmt.Println("submitted before")
		case err != nil:
			fmt.Println(err)
		default:
			fmt.Println("submitted at", seq)
		}
	}
	// Output:
	// submitted at 1
	// submitted before
}
