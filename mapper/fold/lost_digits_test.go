package fold

import "testing"

func TestLostDigits(t *testing.T) {
	for s, want := range map[string]bool{
		"4.479E+11": true, "1,23457E+11": true, "2.19E+26": true, "1E+11": true, " 5.35e+09 ": true, "4.00638e12": true,
		"1.6505551212E+10": false, "447900900123": false, "1E11": false, "219E01BE": false, "E+11": false, "1.2.3E+11": false, "12.3E+11": false, "": false, "1.5E+0": false, "1.5E-7": false,
	} {
		if got := LostDigits(s); got != want {
			t.Errorf("LostDigits(%q) = %t", s, got)
		}
	}
}
