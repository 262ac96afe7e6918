// Package chromium drives a headless Chromium in the tests of the status page. It uses the
// DevTools protocol over two pipes, without a port or a library. Without Chromium on the
// machine, Open skips the test.
//
// If RELAY_SHOTS is set to a directory, Shot saves screenshots there.
package chromium
