// Package page serves the status page: HTML, scripts and style sheet, all embedded. It works
// without a network and calls no third party.
//
// The page itself contains no data of the queue, so it needs no token. Its scripts call the
// API with the session of the sign-in.
package page

import (
	"embed"
	"html/template"
	"net/http"
	"path"
)

//go:embed *.html *.css *.js *.svg vendor
var files embed.FS

// frame is the template of the page; a mistake in it panics at every start, so tests find it.
var frame = template.Must(template.ParseFS(files, "page.html"))

// types are the content types of the files that are served, by extension.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// Write writes the page, which shows the version of relay.
func Write(w http.ResponseWriter, version string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = frame.Execute(w, struct{ Version string }{version})
}

// WriteAsset writes a file that the page loads. It returns false if there is no such file.
func WriteAsset(w http.ResponseWriter, name string) bool {
	name = path.Clean(name)
	b, err := files.ReadFile(name)
	kind := types[path.Ext(name)]
	if err != nil || kind == "" {
		return false
	}
	w.Header().Set("Content-Type", kind)
	w.Write(b)
	return true
}
