package mrz

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Transliterate spells a name with A to Z and single spaces, by the tables of
// Doc 9303-3, section 6: Latin letters with their national habits (Ä is AE, Å is
// AA, Þ is TH), Cyrillic (Ю is IU, Щ is SHCH), other diacritics dropped. An
// apostrophe and a full stop vanish, a hyphen or comma parts. A script without a
// table here is an error, never a guess.
func Transliterate(name string) (string, error) {
	var b strings.Builder
	for _, c := range norm.NFC.String(name) {
		c = unicode.ToUpper(c)
		switch {
		case 'A' <= c && c <= 'Z':
			b.WriteRune(c)
		case unicode.IsSpace(c), c == '<', c == ',', unicode.Is(unicode.Pd, c):
			b.WriteByte(' ')
		case strings.ContainsRune("'’ʼ`´.", c), unicode.Is(unicode.Mn, c):
		default:
			spelt, ok := spelling[c]
			if !ok {
				spelt = plain(c)
			}
			if spelt == "" && !ok {
				return "", fmt.Errorf("transliterate name %q: no spelling for %q", name, c)
			}
			b.WriteString(spelt)
		}
	}
	return strings.Join(strings.Fields(b.String()), " "), nil
}

// plain is a letter without its marks, where that leaves a letter of the zone.
func plain(c rune) string {
	base, _ := utf8.DecodeRuneInString(norm.NFD.String(string(c)))
	if 'A' <= base && base <= 'Z' {
		return string(base)
	}
	return ""
}

var spelling = map[rune]string{
	// Latin (6 A). Where the table offers a choice, the common one.
	'Ä': "AE", 'Å': "AA", 'Æ': "AE", 'Ð': "D", 'Ñ': "N", 'Ö': "OE", 'Ø': "OE", 'Ü': "UE", 'Þ': "TH",
	'Đ': "D", 'Ħ': "H", 'ı': "I", 'İ': "I", 'Ĳ': "IJ", 'ĸ': "Q", 'Ł': "L", 'Ŋ': "N", 'Œ': "OE", 'Ŧ': "T",
	'ß': "SS", 'ẞ': "SS", 'Ə': "E",
	// Cyrillic (6 B).
	'А': "A", 'Б': "B", 'В': "V", 'Г': "G", 'Ґ': "G", 'Д': "D", 'Е': "E", 'Ё': "E", 'Є': "IE", 'Ж': "ZH",
	'З': "Z", 'И': "I", 'І': "I", 'Ї': "I", 'Й': "I", 'К': "K", 'Л': "L", 'М': "M", 'Н': "N", 'О': "O",
	'П': "P", 'Р': "R", 'С': "S", 'Т': "T", 'У': "U", 'Ў': "U", 'Ф': "F", 'Х': "KH", 'Ц': "TS", 'Ч': "CH",
	'Ш': "SH", 'Щ': "SHCH", 'Ъ': "IE", 'Ы': "Y", 'Ь': "", 'Э': "E", 'Ю': "IU", 'Я': "IA",
	'Ђ': "D", 'Ѓ': "G", 'Ѕ': "DZ", 'Ј': "J", 'Љ': "LJ", 'Њ': "NJ", 'Ћ': "C", 'Ќ': "K", 'Џ': "DZ",
}
