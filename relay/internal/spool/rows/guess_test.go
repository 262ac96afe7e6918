package rows

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

// Text in the encoding of a country's Excel is not read as Windows-1252, and Windows-1252 text
// is never refused.
func TestForeignEncodings(t *testing.T) {
	polish := "Imię;Kwota zł;Miasto\nPaweł Żak;12;Łódź\nBożena Wąs;9;Kraków\nGrzegorz Brzęczyszczykiewicz;1;Poznań\n"
	czech := "Jméno;Město\nJiří Dvořák;Plzeň\nTomáš Kučera;Brno\nŠárka Němcová;České Budějovice\n"
	hungarian := "Név;Város\nErdős Pál;Győr\nSzűcs Örs;Pécs\nKőszegi Tündér;Hódmezővásárhely\n"
	turkish := "Ad;Şehir\nYıldız Öztürk;İstanbul\nÇağlar Şahin;Muğla\nIşık Gündoğdu;Aydın\n"
	russian := "Имя;Город\nАнна Иванова;Москва\nПётр Сидоров;Казань\nфёдор;ТВЕРЬ\n"
	greek := "Όνομα;Πόλη\nΜαρία Παπαδοπούλου;Αθήνα\nΓιώργος Νικολαΐδης;Θεσσαλονίκη\n"
	hebrew := "שם;עיר\nדוד כהן;תל אביב\nרחל לוי;ירושלים\n"
	japanese := "日付;名前;メール\n2026;山田太郎;ヤマダ\n2026;佐藤花子;ソニー表示\nひらがな;ﾔﾏﾀﾞ;北海道\n"
	chinese := "姓名;城市\n张伟;北京\n王芳;上海\n李娜;深圳市南山区\n"
	taiwan := "姓名;城市\n陳怡君;臺北\n林志明;高雄\n許淑芬;臺中市\n"
	korean := "이름;도시\n김민준;서울\n이서연;부산\n박지훈;인천광역시\n"
	arabic := "الاسم;المدينة\nمحمد علي;القاهرة\nفاطمة حسن;الرياض\n"
	thai := "ชื่อ;เมือง\nสมชาย ใจดี;กรุงเทพ\nสมหญิง;เชียงใหม่\n"
	lithuanian := "Vardas;Miestas\nJonas Žukauskas;Šiauliai\nRūta Mačiulytė;Panevėžys\n"
	german := "Straße;Größe\nJürgen Müller;ÄÖÜ\nZoë Groß;Köln €\n"
	for _, c := range []struct {
		encoding, text, want string
	}{
		{"windows-1250", polish, "windows-1250"},
		{"iso-8859-2", polish, "iso-8859-2"},
		{"ibm852", polish, "ibm852"},
		{"windows-1250", czech, "windows-1250"},
		{"windows-1250", hungarian, "windows-1250"},
		{"windows-1254", turkish, "windows-1254"},
		{"windows-1251", russian, "windows-1251"},
		{"koi8-r", russian, "koi8-r"},
		{"ibm866", russian, "ibm866"},
		{"windows-1253", greek, "windows-1253"},
		{"windows-1255", hebrew, "windows-1255"},
		{"windows-1256", arabic, "windows-1256"},
		{"windows-874", thai, "windows-874"},
		{"windows-1257", lithuanian, "windows-1257"},
		{"shift_jis", japanese, "shift_jis"},
		{"euc-jp", strings.ReplaceAll(japanese, "ﾔﾏﾀﾞ", ""), "euc-jp"},
		{"gbk", chinese, "gbk"},
		{"big5", taiwan, "big5"},
		{"euc-kr", korean, "euc-kr"},
		{"ibm850", strings.ReplaceAll(german, "€", ""), "ibm850"},
		{"macintosh", german, "macintosh"},
		{"windows-1250", "name;zł\nAda;1\n", "windows-1250"},

		{"windows-1252", german, ""},
		{"windows-1252", "Prénom;Ville;Nº\nHélène Lefèvre;Besançon;1º\nJérôme Nuñez;Île-d’Yeu;«2»\nçà;où;œuvre\nété;créées;25 m²\n", ""},
		{"windows-1252", "Nombre;Dirección\nJosé Núñez;C/ Peña 3, 1ª\n¿Qué?;¡Sí!\n", ""},
		{"windows-1252", "Nome;Endereço\nJoão Camões;São Tomé\nAna Guimarães;Ilhéus\nLeões;irmã\n", ""},
		{"windows-1252", "Navn;By\nSøren Åby;Ærøskøbing\nBjörn Östlund;Malmö\nÞóra Guðmundsdóttir;Århus\n", ""},
		{"windows-1252", "Nafn;Borg\nÞóra Guðmundsdóttir;Reykjavík\nBjörn Ýmir;Ísafjörður\nJürgen;Köln\n", ""},
		{"windows-1252", "Nimi;Linn\nÕnne Mägi;Võru\nŠeremet;Jõhvi\n", ""},
		{"windows-1252", "name\nAda\n“quoted” – 5 € ™ x´s © M\xfcller\n", ""},
		{"utf-8", russian + polish, ""},
		{"utf-8", "plain;ascii\n", ""},
	} {
		e, err := ParseEncoding(c.encoding)
		if err != nil {
			t.Fatal(err)
		}
		text := c.text
		if e != UTF8 && !strings.Contains(text, "\xfc") {
			if text, err = e.coding().NewEncoder().String(text); err != nil {
				t.Fatalf("%s: %v", c.encoding, err)
			}
		}
		s, err := NewFile(bytes.NewReader([]byte(text)), 0).Survey(context.Background(), 0, func(int64) {})
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case c.want == "" && s.Unclear != nil:
			t.Errorf("%s: %.30q is refused: %v", c.encoding, c.text, s.Unclear)
		case c.want != "" && (s.Unclear == nil || !strings.Contains(s.Unclear.Error(), "--encoding "+c.want+" ")):
			t.Errorf("%s: %.30q: Unclear = %v", c.encoding, c.text, s.Unclear)
		}
	}
}

func TestParseEncoding(t *testing.T) {
	for text, want := range map[string]Encoding{
		"": "", "UTF8": "utf-8", "utf-16": "utf-16", "Windows-1250": "windows-1250", "cp1250": "windows-1250", "1251": "windows-1251", "latin2": "iso-8859-2",
		"CP932": "shift_jis", "sjis": "shift_jis", "GB2312": "gbk", "cp852": "ibm852", "850": "ibm850", "latin1": "windows-1252",
	} {
		if got, err := ParseEncoding(text); err != nil || got != want {
			t.Errorf("ParseEncoding(%q) = %q, %v; want %q", text, got, err, want)
		}
		if got := want.coding(); want != "" && want != UTF8 && got == AutoEncoding.coding() {
			t.Errorf("%q is read as UTF-8", want)
		}
	}
	for _, text := range []string{"ebcdic?", "replacement"} {
		if got, err := ParseEncoding(text); err == nil {
			t.Errorf("ParseEncoding(%q) = %q, want an error", text, got)
		}
	}
}
