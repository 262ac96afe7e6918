package meta_test

import (
	"testing"
	"time"

	"relay/internal/meta"
)

func TestVersions(t *testing.T) {
	all := meta.Versions()
	if len(all) < 10 || all[len(all)-1] != meta.Newest() {
		t.Fatalf("%d versions, the newest %s", len(all), meta.Newest().Name)
	}
	for i, v := range all {
		released, err := time.Parse(time.DateOnly, v.Released)
		if err != nil || v.Released > v.AsOf {
			t.Errorf("%s: released %q", v.Name, v.Released)
		}
		if v.Until != "" {
			end, err := time.Parse(time.DateOnly, v.Until)
			if err != nil || end.Sub(released) < 2*365*24*time.Hour-31*24*time.Hour {
				t.Errorf("%s: until %q", v.Name, v.Until)
			}
		}
		if i > 0 && (!meta.Newer(v.Name, all[i-1].Name) || meta.Newer(all[i-1].Name, v.Name) || v.Released <= all[i-1].Released) {
			t.Errorf("%s comes after %s", v.Name, all[i-1].Name)
		}
	}
	if meta.Newer("v9.0", "v26.0") || !meta.Newer("v26.1", "v26.0") || meta.Newer("v26.0", "v26.0") {
		t.Error("versions are not compared as numbers")
	}
}

func TestLimitedUsePlaces(t *testing.T) {
	for _, s := range meta.States() {
		if !meta.LimitedUsePlace(1, int64(s.Number)) || len(s.Code) != 2 {
			t.Errorf("%+v is refused", s)
		}
	}
	for _, c := range []struct {
		country, state int64
		want           bool
	}{{0, 0, true}, {1, 0, true}, {0, 1000, true}, {2, 0, false}, {1, 999, false}, {1, 1014, false}, {-1, 0, false}} {
		if got := meta.LimitedUsePlace(c.country, c.state); got != c.want {
			t.Errorf("%d, %d: %v", c.country, c.state, got)
		}
	}
}
