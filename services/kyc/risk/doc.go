// Package risk adds up what is known of an applicant to one number from 0, no
// risk seen, to 100, and says whether it is too much.
//
// Begin with [Assess]. The number is the sum of named contributions, so that
// whoever is refused, and whoever must defend the refusal, can read why: each
// says what it is about, its points and a sentence. A contribution is never
// negative: nothing that is good makes up for something that is bad.
//
// The points are a house rule, not a model fitted to data; [Config] holds them.
// Nothing here reads a clock or a file.
package risk
