package specimen_test

import (
	"fmt"
	"log"

	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

func Example() {
	portrait := specimen.Portrait(3)
	b, err := specimen.Encode(portrait)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(portrait.Bounds().Size(), "fits into an event:", len(b) < 8<<10)
	// Output: (180,220) fits into an event: true
}
