package inject_test

import (
	"fmt"

	"github.com/unwind-saga/unwind/saga/agent/inject"
)

// What every call of an agent meets can be known before anything runs.
func ExampleInjector_Meets() {
	profile, err := inject.Parse("faults.yaml", []byte(`
seed: 15
agents:
  card:
    forward:
      lost_after: {chance: 0.2, calls: 2}
`), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	in := inject.Injector{Profile: profile}
	for _, saga := range []string{"order-1", "order-2", "order-3", "order-4"} {
		for call := 1; call <= 3; call++ {
			if f, meets := in.Meets(inject.Call{Saga: saga, Step: "card", Agent: "card", N: call}); meets {
				fmt.Printf("%s, call %d: %s\n", saga, call, f.Kind)
			}
		}
	}
	// Output:
	// order-3, call 2: lost_after
	// order-3, call 3: lost_after
	// order-4, call 2: lost_after
	// order-4, call 3: lost_after
}
