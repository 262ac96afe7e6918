package cputime

import (
	"runtime"
	"testing"
	"time"
)

// Waiting costs no processor time, work does.
func TestOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("measured by the clock on this system")
	}
	waited := Of(func() { <-time.NewTimer(200 * time.Millisecond).C })
	worked := Of(func() {
		for begun := time.Now(); time.Since(begun) < 200*time.Millisecond; {
		}
	})
	if waited >= worked {
		t.Errorf("waiting took %v, work %v", waited, worked)
	}
}
