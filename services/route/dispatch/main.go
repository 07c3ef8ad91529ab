// The agent dispatch promises when a drive will be there: the last step.
package main

import "github.com/unwind-saga/unwind/services/route"

func main() { route.Main(open, schema) }
