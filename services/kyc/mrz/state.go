package mrz

import "strings"

// Kind says what a code of three letters stands for.
type Kind int

// The kinds of code.
const (
	Unknown   Kind = iota
	Country        // a state or territory, or a kind of its nationals
	Authority      // an organisation that issues travel documents
	Person         // no state: a status of the holder, never an issuer
	Specimen       // Utopia: ICAO's example state, on no real document
)

// LookUp says what the code in an issuer or nationality field stands for: ISO
// 3166-1 alpha-3, and what Doc 9303-3, section 5, adds to it. Germany is D; DEU
// is known too, since readers and databases write it.
func LookUp(code string) Kind { return states[code] }

var states = func() map[string]Kind {
	m := make(map[string]Kind, 300)
	add := func(k Kind, codes string) {
		for c := range strings.FieldsSeq(codes) {
			m[c] = k
		}
	}
	add(Country, iso3166)
	// Parts A and B: Germany, the British nationals who are no citizens, Kosovo.
	add(Country, "D GBD GBN GBO GBP GBS RKS")
	// Parts B and D: the European Union, the United Nations and their agencies,
	// UN mission in Kosovo, development banks, regional unions, the Order of
	// Malta, Interpol, ICAO itself.
	add(Authority, "EUE UNO UNA UNK IAO XBA XIM XCC XCE XCO XEC XES XMP XOM XPO XDC")
	// Part C: stateless, refugee under the 1951 Convention, other refugee,
	// unspecified.
	add(Person, "XXA XXB XXC XXX")
	add(Specimen, "UTO")
	return m
}()

const iso3166 = `
ABW AFG AGO AIA ALA ALB AND ARE ARG ARM ASM ATA ATF ATG AUS AUT AZE BDI BEL BEN BES BFA BGD BGR BHR BHS
BIH BLM BLR BLZ BMU BOL BRA BRB BRN BTN BVT BWA CAF CAN CCK CHE CHL CHN CIV CMR COD COG COK COL COM CPV
CRI CUB CUW CXR CYM CYP CZE DEU DJI DMA DNK DOM DZA ECU EGY ERI ESH ESP EST ETH FIN FJI FLK FRA FRO FSM
GAB GBR GEO GGY GHA GIB GIN GLP GMB GNB GNQ GRC GRD GRL GTM GUF GUM GUY HKG HMD HND HRV HTI HUN IDN IMN
IND IOT IRL IRN IRQ ISL ISR ITA JAM JEY JOR JPN KAZ KEN KGZ KHM KIR KNA KOR KWT LAO LBN LBR LBY LCA LIE
LKA LSO LTU LUX LVA MAC MAF MAR MCO MDA MDG MDV MEX MHL MKD MLI MLT MMR MNE MNG MNP MOZ MRT MSR MTQ MUS
MWI MYS MYT NAM NCL NER NFK NGA NIC NIU NLD NOR NPL NRU NZL OMN PAK PAN PCN PER PHL PLW PNG POL PRI PRK
PRT PRY PSE PYF QAT REU ROU RUS RWA SAU SDN SEN SGP SGS SHN SJM SLB SLE SLV SMR SOM SPM SRB SSD STP SUR
SVK SVN SWE SWZ SXM SYC SYR TCA TCD TGO THA TJK TKL TKM TLS TON TTO TUN TUR TUV TWN TZA UGA UKR UMI URY
USA UZB VAT VCT VEN VGB VIR VNM VUT WLF WSM YEM ZAF ZMB ZWE`
