package mrz_test

import (
	"fmt"
	"time"

	"github.com/unwind-saga/unwind/services/kyc/mrz"
)

func ExampleParse() {
	doc, err := mrz.Parse([]string{
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
		"L898902C36UTO7408122F1204159ZE184226B<<<<<11",
	}, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(doc.Name(), doc.Birth, doc.Expiry)
	for _, c := range doc.Checks {
		if !c.OK() {
			fmt.Printf("%s: %s, should be %s\n", c.Field, c.Printed, c.Computed)
		}
	}

	_, err = mrz.Parse([]string{
		"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
		"L898902C36UTO7413122F1204159ZE184226B<<<<<1O",
	}, time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC))
	fmt.Println(err)
	// Output:
	// ANNA MARIA ERIKSSON 1974-08-12 2012-04-15
	// composite: 1, should be 0
	// read machine-readable zone: line 2, column 14, date of birth "741312": there is no month 13; line 2, column 44, check digit of composite "O": want a digit
}
