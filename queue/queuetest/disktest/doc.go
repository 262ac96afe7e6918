// Package disktest makes file systems for tests: an ext4 on a loop device, which a test can freeze,
// cut off and mount again. It works on Linux, as root; elsewhere it skips the test.
package disktest
