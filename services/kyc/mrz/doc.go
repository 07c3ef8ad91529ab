// Package mrz reads and writes the machine-readable zone of a passport: the
// two lines of 44 characters at the foot of the data page, as ICAO Doc 9303
// part 4 (eighth edition, 2021) lays them out for size TD3.
//
// Begin with [Parse]. It wants the lines and a reference date, because the zone
// writes years with two digits and only a date can say which century is meant
// (there is no clock in here):
//
//	doc, err := mrz.Parse(lines, time.Now())
//
// Two kinds of wrong are kept apart. A line of 43 characters, a letter where a
// digit must be, a 31st of June cannot be read: they are mistakes, and Parse
// reports all of them with line and column in one [*SyntaxError]. A check digit
// that disagrees with what it guards can be read very well: it is in
// [Document.Checks], and whoever validates the document judges it.
//
// [Format] makes the two lines from a Document, for specimens and tests:
// it computes the check digits, spells names in the zone's alphabet
// ([Transliterate]) and shortens those that do not fit.
//
// What this is not: it reads no images, corrects no OCR confusions (an O in a
// number stays an O and fails its check digit), knows no visas and no cards of
// the sizes TD1 and TD2, and a code that no state uses is no syntax error: ask
// [LookUp].
package mrz
