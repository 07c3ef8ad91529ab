package face_test

import (
	"errors"
	"fmt"
	"log"

	"github.com/unwind-saga/unwind/services/kyc/face"
	"github.com/unwind-saga/unwind/services/kyc/face/specimen"
)

func Example() {
	detector, err := face.NewDetector()
	if err != nil {
		log.Fatal(err)
	}
	document, err := detector.Template(specimen.Portrait(3))
	if err != nil {
		log.Fatal(err)
	}
	for _, person := range []int{3, 5} {
		selfie, err := detector.Template(specimen.Selfie(person, 0))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("person %d is on the document of person 3: %t\n", person, face.Similarity(document, selfie) >= face.Match)
	}

	_, err = detector.Template(specimen.Blank())
	fmt.Println("a wall:", errors.Is(err, face.ErrNoFace))
	// Output:
	// person 3 is on the document of person 3: true
	// person 5 is on the document of person 3: false
	// a wall: true
}

func ExampleDetector_Quick() {
	detector, err := face.NewDetector()
	if err != nil {
		log.Fatal(err)
	}
	likeness, err := detector.Quick(specimen.Portrait(3), specimen.Selfie(3, 0))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("perhaps the same person:", likeness >= face.QuickMatch)
	// Output: perhaps the same person: true
}

func ExampleTemplate_MarshalBinary() {
	detector, err := face.NewDetector()
	if err != nil {
		log.Fatal(err)
	}
	before, err := detector.Template(specimen.Portrait(3))
	if err != nil {
		log.Fatal(err)
	}
	b, err := before.MarshalBinary()
	if err != nil {
		log.Fatal(err)
	}
	var after face.Template
	if err := after.UnmarshalBinary(b); err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(b), "bytes, similarity", face.Similarity(before, after))
	// Output: 2479 bytes, similarity 1
}
