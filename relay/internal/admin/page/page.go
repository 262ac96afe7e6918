// Package page is the status page: one HTML file with its script and style, all
// embedded. It works without a network and asks no third party for anything.
//
// The page itself holds not a word of the queue, so that it needs no token; its
// script asks the API for the rest, with what a sign-in gave it.
package page

import (
	"embed"
	"html/template"
	"net/http"
	"path"
)

//go:embed *.html *.css *.js *.svg vendor
var files embed.FS

// frame is parsed once; an error in it is one of the build.
var frame = template.Must(template.ParseFS(files, "page.html"))

// types are the files of the page that may be asked for.
var types = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// Write answers with the page of this version of relay.
func Write(w http.ResponseWriter, version string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = frame.Execute(w, struct{ Version string }{version})
}

// WriteAsset answers with a file that the page loads; false: there is none of this name.
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
