// The agent operator is a person, who is asked when nobody else knows the way.
package main

import "github.com/unwind-saga/unwind/services/unwind/operator"

func main() { operator.Main() }
