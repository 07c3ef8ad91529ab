// Package screening looks for a person's name on a list of sanctioned people.
//
// Begin with [Default], the list that is compiled in, or [Read] for another, and
// [List.Screen]:
//
//	hits := screening.Default().Screen(screening.Person{Name: "Юрий Щербатов"}, screening.Config{})
//
// # The list
//
// Its two files have the columns of SDN.CSV and ALT.CSV, in which the US
// Treasury's Office of Foreign Assets Control publishes its Specially Designated
// Nationals (its "SDN Data Specification", first released 2004-12-06, updated
// 2023-09-25): no heading, "-0-" for null, dates of birth among the remarks. The
// compiled-in list, list/sdn.csv and list/alt.csv, has that form and nothing else
// from there: all its people and programmes are invented or taken from old
// novels, and any likeness is an accident. For real work download the real files
// and Read them.
//
// # How names are compared
//
// A name is spelt with Latin letters, its variants of spelling folded (spell.go),
// and cut into words whose order does not matter. Words are paired by
// Jaro-Winkler similarity; a word without a partner costs little on the longer
// side and much on the shorter. Arabic and Hebrew write few vowels: there the
// consonants are compared. A date of birth that agrees adds to the score, one
// that contradicts takes away but never acquits, since lists and passports err.
//
// # What this is not
//
// A hit is a reason to look, no proof of identity. There is no weighing of rare
// names against common ones, no nicknames (Sasha for Aleksandr), no sound
// likeness across Chinese dialects, and companies and ships on the list are
// passed over. The test's figures are those of a small table that the thresholds
// were also chosen on.
package screening
