package match

import "testing"

// TestCompanies: a company's name is nobody's; what may be a surname is somebody's.
func TestCompanies(t *testing.T) {
	for name, is := range map[string]bool{
		"Hofe GmbH": true, "Hofe & Sohn GmbH & Co. KG": true, "HOFE GMBH": true, "Hofe AG": true, "Hofe e.K.": true, "Hofe GbR": true, "Acme Inc.": true, "Acme, LLC": true,
		"Acme Pty Ltd": true, "Dupont SARL": true, "Dupont S.A.": true, "Rossi S.p.A.": true, "Rossi s.r.l.": true, "Jansen B.V.": true, "Jansen BV": true, "Nowak Sp. z o.o.": true,
		"Novak s.r.o.": true, "Svensson AB": true, "Hansen A/S": true, "Hansen ApS": true, "Virtanen OY": true, "Kovács Kft.": true, "Kaya Ltd. Şti.": true, "Silva Ltda": true,
		"ООО Ромашка": true, "ТОВ Мрія": true, "株式会社山田": true, "山田株式会社": true, "北京某某有限公司": true, "주식회사 한빛": true, "شركة النور": true, "מזון בע\"מ": true, "Παπάς ΑΕ": true,
		"Ada Hofe": false, "Ana Sá": false, "ANA SA": false, "Ana Sa": false, "Jan Sas": false, "Mari Aps": false, "Elif Oy": false, "Ali İnç": false, "Inc": false, "GmbH": false, "Ivo Spa": false,
		"Kim Co": false, "An Bt": false, "Max Ag": false, "山田 太郎": false, "公司": false, "": false, "Ltd Smith": false, "Lars As": false,
	} {
		if IsCompany(name) != is {
			t.Errorf("%q is a company: %t", name, !is)
		}
		if is {
			for _, k := range []Key{FirstName, LastName} {
				if v := Normalise(k, name, Locale{}, nil); v.Form != "" {
					t.Errorf("%q is sent as %q", name, v.Form)
				}
			}
		}
	}
}
