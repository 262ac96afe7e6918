package cputime

import (
	"runtime"
	"testing"
	"time"
)

// Waiting costs nothing, work does.
func TestOf(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("by the clock here")
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
