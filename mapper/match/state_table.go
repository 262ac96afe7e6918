package match

import "strings"

// stateTable lists the US states, DC, territories, freely associated states and military
// addresses, and the Canadian provinces: country, code, then names and abbreviations in use (AP
// style, French, Spanish, German) in the form of fold.Letters.
const stateTable = `
us al alabama ala
us ak alaska alas
us az arizona ariz
us ar arkansas ark
us ca california calif cal cali californie kalifornien
us co colorado colo
us ct connecticut conn
us de delaware del
us fl florida fla flor floride
us ga georgia geo georgie
us hi hawaii hawai
us id idaho ida
us il illinois ill ills
us in indiana ind
us ia iowa
us ks kansas kan kans
us ky kentucky ken kent
us la louisiana luisiana louisiane
us me maine
us md maryland
us ma massachusetts mass massachusets
us mi michigan mich
us mn minnesota minn
us ms mississippi miss misisipi
us mo missouri misuri
us mt montana mont
us ne nebraska neb nebr
us nv nevada nev
us nh newhampshire nhampshire nuevohampshire nuevahampshire
us nj newjersey njersey nuevajersey
us nm newmexico nmex nmexico newmex nuevomexico nouveaumexique
us ny newyork nyork nuevayork
us nc northcarolina ncarolina ncar nocarolina carolinadelnorte carolinedunord
us nd northdakota ndakota ndak nodakota dakotadelnorte dakotadunord
us oh ohio
us ok oklahoma okla
us or oregon ore oreg
us pa pennsylvania penn penna pensilvania pennsylvanie
us ri rhodeisland risland
us sc southcarolina scarolina scar socarolina carolinadelsur carolinedusud
us sd southdakota sdakota sdak sodakota dakotadelsur dakotadusud
us tn tennessee tenn tenesi
us tx texas tex tejas
us ut utah
us vt vermont
us va virginia virg virginie
us wa washington wash washingtonstate
us wv westvirginia wva wvirginia virginiaoccidental virginieoccidentale
us wi wisconsin wis wisc
us wy wyoming wyo
us dc districtofcolumbia districtcolumbia washingtondc washingtondistrictofcolumbia districtofcolumbiawashington distritodecolumbia distcolumbia
us pr puertorico portorico porturico
us gu guam
us vi virginislands usvirginislands unitedstatesvirginislands virginislandsus virginislandsoftheunitedstates usvi
us as americansamoa
us mp northernmarianaislands northernmarianas cnmi commonwealthofthenorthernmarianaislands marianaislands
us um unitedstatesminoroutlyingislands usminoroutlyingislands
us fm federatedstatesofmicronesia micronesia
us mh marshallislands
us pw palau
us aa armedforcesamericas armedforcestheamericas
us ae armedforceseurope armedforcesafrica armedforcesmiddleeast armedforcescanada armedforceseuropemiddleeastcanada
us ap armedforcespacific
ca ab alberta alta alb
ca bc britishcolumbia colombiebritannique cb
ca mb manitoba man
ca nb newbrunswick nouveaubrunswick newbruns
ca nl newfoundlandandlabrador newfoundlandlabrador newfoundland labrador nfld nf nfl terreneuveetlabrador terreneuve tnl nfldlab
ca ns novascotia nouvelleecosse
ca nt northwestterritories northwestterritory nwt territoiresdunordouest tno nwterritories
ca nu nunavut nvt
ca on ontario ont
ca pe princeedwardisland pei princeedwardis ileduprinceedouard ipe princeedward
ca qc quebec que pq provinceofquebec provincedequebec
ca sk saskatchewan sask
ca yt yukon yukonterritory yuk territoireduyukon
`

// frenchCodes are Canadian abbreviations that are codes of US states.
var frenchCodes = map[string]string{"ne": "ns", "tn": "nl"}

// stateCodes maps a code to us or ca, stateNames a folded name to its code.
var stateCodes, stateNames = readStates()

func readStates() (codes, names map[string]string) {
	codes, names = make(map[string]string), make(map[string]string)
	for line := range strings.Lines(stateTable) {
		f := strings.Fields(line)
		if len(f) < 3 {
			continue
		}
		codes[f[1]] = f[0]
		for _, name := range f[2:] {
			names[name] = f[1]
		}
	}
	return codes, names
}
