// Package doctor looks at everything that sagas depend on, and says what is wrong
// and what to do about it, before it goes wrong at three in the morning.
//
//	err := doctor.Examine(ctx, log, doctor.Config{}, func(f doctor.Finding) error { ... })
//
// It changes nothing and writes nothing. What it cannot find out it says, rather than
// calling it well.
package doctor
