// Package chromium drives a headless Chromium for the tests of the status
// page, and for nothing else: by the DevTools protocol over two pipes, so that
// there is neither a port nor a library. Where there is no Chromium, Open skips
// the test.
//
// With RELAY_SHOTS set to a directory, Shot saves pictures there, to be looked
// at.
package chromium
