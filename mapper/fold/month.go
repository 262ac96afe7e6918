package fold

import "strings"

// Month and weekday names, full and abbreviated, stand-alone and in a date (CLDR), for the
// languages of Europe, Turkish, Indonesian, Malay and Arabic; weekdays also in Chinese,
// Japanese and Korean. They are listed in the form that Letters returns.
var (
	monthNames = [12]string{
		`ene enero gen gener gennaio ian ianuarie jaan jaanuar jaenner jan janeiro janner januar januara januari january janv janvaris janvier led leden ledna
			oca ocak sausio sausis sij sijecanj sijecnja sty styczen stycznia tammi tammikuu tammikuuta ιαν ιανουαριου січ січень січня янв январь января януари
			јан јануар يناير`,
		`feb febbraio febr febrer febrero februar februara februari februarie februaris february fev fevereiro fevr fevrier helmi helmikuu helmikuuta lut
			lutego luty peb sub subat uno unor unora vasario vasaris veebr veebruar velj veljaca veljace φεβ φεβρουαριου фев лют лютии лютого феб фебруар февр февраль
			февраля февруари فبراير`,
		`bre brezen brezna kovas kovo maalis maaliskuu maaliskuuta maart mac maerz mar marc marca march marcius marco marec maret mars mart martie marts marz
			marzec marzo mrt mrz ozu ozujak ozujka μαρ μαρτιου бер березень березня мар март марта مارس`,
		`abr abril apr april aprila aprile aprilie aprilis aprill avr avril balandis balandzio dub duben dubna huhti huhtikuu huhtikuuta kwi kwiecien kwietnia
			nis nisan tra travanj travnja απρ απριλιου апр апрель апреля април квіт квітень квітня ابريل`,
		`geguze geguzes kve kveten kvetna mag maggio mai maig maijs maio maj maja majus may mayis mayo mei svi svibanj svibnja touko toukokuu toukokuuta μαι
			μαιου маи мая мај трав травень травня مايو`,
		`birzelio birzelis cerven cervna cvn cze czerwca czerwiec giu giugno haz haziran iun iunie juin jun juna june junho juni junij junijs junio junius juny
			juuni kesa kesakuu kesakuuta lipanj lipnja ιουν ιουνιου июн июнь июня черв червень червня юни јун يونيو`,
		`cervence cervenec cvc heina heinakuu heinakuuta iul iulie juil juillet jul jula julai julho juli julij julijs julio juliol julius july juuli liepa
			liepos lip lipca lipiec lug luglio srpanj srpnja tem temmuz ιουλ ιουλιου июл июль июля лип липень липня юли јул يوليو`,
		`ag ago agost agosto agt agu agust agustos agustus aout aug august augusta augusti augusts augustus augusztus avg avgust elo elokuu elokuuta kol
			kolovoz kolovoza ogo ogos rugpjucio rugpjutis sie sierpien sierpnia srp srpen srpna αυγ αυγουστου авг август августа серп серпень серпня اغسطس`,
		`eyl eylul rugsejis rugsejo ruj rujan rujna sep sept septembar september septembra septembre septembrie septembris septiembre set setembre setembro
			setiembre settembre syys syyskuu syyskuuta szept szeptember wrz wrzesien wrzesnia zar zari σεπ σεπτεμβριου вер вересень вересня сен сент сентябрь сентября
			сеп септембар септември سبتمبر`,
		`eki ekim loka lokakuu lokakuuta oct october octobre octombrie octubre okt oktobar oktober oktobra oktobris oktoober ott ottobre out outubro paz
			pazdziernik pazdziernika rij rijen rijna spalio spalis οκτ οκτωβριου жовт жовтень жовтня окт октобар октомври октябрь октября اكتوبر`,
		`kas kasim lapkricio lapkritis lis listopad listopada listopadu marras marraskuu marraskuuta noiembrie nov novembar november novembra novembre
			novembris novembro noviembre stu studeni studenoga νοε νοεμβριου лист листопад листопада нов новембар ноември ноя нояб ноябрь ноября نوفمبر`,
		`ara aralik dec decembar december decembra decembre decembrie decembris des desember desembre dets detsember dez dezember dezembro dic dicembre
			diciembre dis disember gru grudnia grudzien gruodis gruodzio joulu joulukuu joulukuuta pro prosinac prosinca prosince prosinec δεκ δεκεμβριου груд
			грудень грудня дек декабрь декабря декември дец децембар ديسمبر`,
	}
	weekdayNames = `ahad ahd an antradienis car carsamba cet cetrtek ceturtd ceturtdiena cetvrtak cmt cs csutortok ct ctvrtek cum cuma cumartesi czw czwartek dc dg di
		dienstag dijous dilluns dim dimanche dimarts dimecres dinsdag dissabte diumenge divendres dj dl do dom domenica domingo donderdag donnerstag ds dt dum
		duminica dv esmaspaev feira fim fimmtudagur fos fostudagur fr fre fredag freitag fri friday gio giovedi hetfo isn isnin jeu jeudi joi jue jueves jum
		jumaat jumat kam kamis ke kedd keskiviikko keskiviikkona ketvirtadienis kha khamis kolmapaev kt la lau lauantai lauantaina laugardagur laupaev lor
		lordag lun lundi lunedi lunes luni ma maanantai maanantaina maandag man mandag manudagur mar mardi martedi martes marti mer mercoledi mercredi mi mie
		miercoles miercuri min minggu mittwoch mið miðvikudagur mo mon monday montag ne ned nedela nedele nedelja nedjelja neljapaev niedz niedziela ons
		onsdag otrd otrdiena pa patek paz pazar pazartesi pe penktadienis pentek per perjantai perjantaina persembe pet petak petek pi piatek piatok piektd
		piektdiena pirmadienis pirmd pirmdiena pn po pon pondeli pondelok ponedeljak ponedeljek ponedjeljak poniedzialek pr pt puhapaev pzt qua quarta qui
		quinta rab rabu reede sa sab sabado sabato sabtu sal sali sam sambata samedi samstag sat saturday seg segunda sekmadienis sel selasa sen senin
		sestadienis sestd sestdiena sex sexta sk so sob sobota son sondag sonntag sr sre sreda sri srijeda sroda st streda stvrtok su sub subota sun sunday
		sunnudagur sunnuntai sunnuntaina svetd svetdiena sze szerda szo szombat teisipaev ter terca thu thur thurs thursday ti tiistai tiistaina tir tirs
		tirsdag tis tisdag to tor torek tors torsdag torstai torstaina tr treciadienis tresd tresdiena tue tues tuesday ut utery uto utorak utorok vasarnap
		ven vendredi venerdi vie viernes vin vineri vr vrijdag wed wednes wednesday weds wo woensdag wt wtorek za zaterdag zo zondag þri þriðjudagur δευ
		δευτερα κυρ κυριακη παρ παρασκευη πεμ πεμπτη σαβ σαββατο τετ τεταρτη τρι τριτη воскресенье вс вт вторник вівторок нд нед неделя недеља неділя пет
		петак петък пн пон понеделник понедельник понедељак понеділок пт пятница пятниця ятниця сб середа ср сре среда сряда суб суббота субота събота уто уторак чет
		четвер четверг четвртак четвъртък чт الاثنين الاحد الاربعاء الثلاثاء الجمعة الخميس السبت 周一 周三 周二 周五 周六 周四 周日 土 土曜日 日 日曜日 星期一 星期三 星期二 星期五 星期六 星期四 星期天
		星期日 月曜 月曜日 木 木曜日 水 水曜日 火 火曜日 週一 週三 週二 週五 週六 週四 週日 金 金曜日 금요일 목요일 수요일 월요일 일요일 토요일 화요일`
	fillerNames = `a al alle am an as at d da de del den der di dne du e el er ere et g gada gadā god goda godz h hod hodin hrs i il jam kell kello kl klo la las le les los luc m n
		nd o ob of om on ore p pukul r rd roku saat st th the tid u uhr um uur v w y г год года в о п р року у στις`
)

// Croatian uses these words for a different month than Polish or Czech.
var croatianMonths = map[string]int{"lip": 6, "srp": 7, "lis": 10, "listopad": 10, "listopada": 10}

var (
	months   = parseMonths(monthNames)
	weekdays = wordSet(weekdayNames)
	fillers  = wordSet(fillerNames)
)

func parseMonths(names [12]string) map[string]int {
	m := make(map[string]int)
	for i, names := range names {
		for w := range strings.FieldsSeq(names) {
			m[Letters(w)] = i + 1
		}
	}
	return m
}

func wordSet(words string) map[string]bool {
	m := make(map[string]bool)
	for w := range strings.FieldsSeq(words) {
		m[Letters(w)] = true
	}
	return m
}

// Month returns the number of a month name, 1 to 12.
func Month(w string) (int, bool) {
	m, ok := months[Letters(w)]
	return m, ok
}

// CroatianMonth returns the number of a month name that means another month in Croatian than in
// other languages. Month returns the other meaning.
func CroatianMonth(w string) (int, bool) {
	m, ok := croatianMonths[Letters(w)]
	return m, ok
}

// IsWeekday reports whether w is a weekday name. Some abbreviations are month names in another
// language.
func IsWeekday(w string) bool { return weekdays[Letters(w)] }

// IsDateFiller reports whether w is a word without meaning that occurs in dates: of, um, года.
func IsDateFiller(w string) bool { return fillers[Letters(w)] }
