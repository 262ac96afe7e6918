package step

import (
	"fmt"
	"slices"
	"testing"
)

func TestWatcherSeesBeginningAndEnd(t *testing.T) {
	var got []string
	stop := Watch(func(k Kind, path string) func() {
		got = append(got, fmt.Sprintf("begin %v %s", k, path))
		return func() { got = append(got, fmt.Sprintf("end %v %s", k, path)) }
	})
	Begin(Commit, "a")()
	Begin(SyncDir, "b")()
	stop()
	Begin(Write, "c")()
	if want := []string{"begin commit a", "end commit a", "begin sync directory b", "end sync directory b"}; !slices.Equal(got, want) {
		t.Errorf("watcher saw %q, want %q", got, want)
	}
}

func TestSecondWatcherPanics(t *testing.T) {
	watch := func() (stop func()) { return Watch(func(Kind, string) func() { return func() {} }) }
	stop := watch()
	defer func() {
		if recover() == nil {
			t.Error("a second watcher was installed")
		}
		stop()
		watch()() // after stop a watcher can be installed again
	}()
	watch()
}

func TestKindsHaveNames(t *testing.T) {
	seen := make(map[string]bool)
	for k := Write; k <= SyncDir; k++ {
		if name := k.String(); name == "" || seen[name] {
			t.Errorf("kind %d is called %q", k, name)
		}
		seen[k.String()] = true
	}
}
