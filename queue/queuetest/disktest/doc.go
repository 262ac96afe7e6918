// Package disktest makes file systems of their own for tests: an ext4 on a loop
// device, which a test can freeze, cut off and mount again. It works on Linux,
// for root; elsewhere it skips the test that asks.
package disktest
