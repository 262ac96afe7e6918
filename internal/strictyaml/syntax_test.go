package strictyaml

import "testing"

func TestFirstFailing(t *testing.T) {
	for n := 1; n < 40; n++ {
		for want := range n {
			for guess := -2; guess < n+2; guess++ {
				if got := firstFailing(n, guess, func(i int) bool { return i >= want }); got != want {
					t.Fatalf("%d of %d from %d: got %d", want, n, guess, got)
				}
			}
		}
	}
}
