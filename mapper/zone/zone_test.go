package zone

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"relay/mapper/event"
)

func TestParse(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/New_York", "America/Argentina/Buenos_Aires"} {
		if loc, err := Parse(name); err != nil || loc.String() != name {
			t.Errorf("%s: %v, %v", name, loc, err)
		}
	}
	for name, want := range map[string]string{
		"Berlin": `"Europe/Berlin"`, "europe/berlin": `"Europe/Berlin"`, "new york": `"America/New_York"`, "Europe/Brelin": `"Europe/Berlin"`, "utc": `"UTC"`, "Buenos Aires": `"America/Argentina/Buenos_Aires"`,
		"": "America/New_York", "Local": "America/New_York", "GMT+1": "America/New_York", "nowhere at all": "America/New_York", "../etc/passwd": "America/New_York",
	} {
		loc, err := Parse(name)
		if err == nil {
			t.Errorf("%q is accepted as %v", name, loc)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", name, err, want)
		}
	}
}

// TestEveryZoneLoads checks that every zone that Parse can suggest exists.
func TestEveryZoneLoads(t *testing.T) {
	for _, name := range zoneList() {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEveryZoneIsReadInTimes checks that a time can be followed by each of these names, as Java
// prints it.
func TestEveryZoneIsReadInTimes(t *testing.T) {
	for _, name := range zoneList() {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		want := time.Date(2026, 11, 20, 16, 0, 0, 0, loc)
		for _, text := range []string{"2026-11-20T16:00[" + name + "]", "2026-11-20 16:00 " + name} {
			if at, ok := event.ReadTime([]byte(event.Quote(text)), time.UTC); !ok || !at.Equal(want) {
				t.Errorf("%s: %v, %v", text, at, ok)
			}
		}
	}
}
