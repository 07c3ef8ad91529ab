package config_test

import (
	"fmt"
	"os"

	"github.com/unwind-saga/unwind/saga/config"
)

// Another file than an agent's, by the same rules.
func ExampleDecodeFile() {
	prices := struct {
		Currency string             `yaml:"currency"`
		Seats    map[string]float64 `yaml:"seats"`
	}{Currency: "EUR"}
	text := []byte("curency: USD\nseats: {window: 20, aisle: cheap}\n")
	_, err := config.DecodeFile("prices.yaml", text, nil, &prices)
	fmt.Println(err)

	file, err := config.DecodeFile("prices.yaml", []byte("seats: {aisle: -1}\n"), os.LookupEnv, &prices)
	if err != nil {
		fmt.Println(err)
		return
	}
	for seat, price := range prices.Seats {
		if price < 0 {
			file.Mistake("seats."+seat, "must not be negative, is %g", price)
		}
	}
	fmt.Println(prices.Currency, file.Err())
	// Output:
	// prices.yaml:1:1: curency: unknown key, did you mean currency?
	// prices.yaml:2:28: seats.aisle: must be float64, is "cheap"
	// EUR prices.yaml:1:16: seats.aisle: must not be negative, is -1
}
