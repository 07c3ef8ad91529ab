// Package rules judges a passport that could be read: is it in force, do its
// check digits agree, does its issuer exist, is the holder old enough, is it
// blocked or in somebody else's use?
//
// Begin with [Judge]. It returns findings, each with a code that programs may
// branch on and a sentence for people; no findings is a good document. A finding
// of severity Refuse forbids going on, one of severity Review only adds to the
// risk. What else is known of the document comes in through [Register].
//
// The package decides and does nothing: no clock (the day is an argument), no
// I/O but the Register's. It compares the zone with itself and the calendar,
// not with the printed page or the chip, so that a consistent forgery passes.
package rules
