package winservice

import "testing"

func TestBelowProgramData(t *testing.T) {
	const root = `C:\ProgramData`
	for dir, want := range map[string]bool{
		`C:\ProgramData\relay`: true, `c:\programdata\shop\relay`: true, `C:/ProgramData/relay`: true, `C:\ProgramData`: false, `C:\ProgramData\`: false,
		`C:\ProgramDataX\relay`: false, `D:\relay`: false, `C:\ProgramData\..\Windows`: false,
	} {
		if got := belowProgramData(dir, root); got != want {
			t.Errorf("%s: %t", dir, got)
		}
	}
	if belowProgramData(`C:\ProgramData\relay`, "") {
		t.Error("without ProgramData")
	}
}
