package admin

import (
	"embed"
	"html/template"
	"net/http"
	"path"
	"strings"
)

// The page and everything it loads are in the binary: it works without a
// network, and asks no third party for anything.
//
//go:embed page
var pageFiles embed.FS

// pageTemplate is parsed once; an error in it is one of the build.
var pageTemplate = template.Must(template.ParseFS(pageFiles, "page/page.html"))

// assetTypes are the files of the page that may be asked for.
var assetTypes = map[string]string{
	".js":  "text/javascript; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml",
}

// servePage is the status page: a frame without a word of the queue in it, so that
// it needs no token; its script asks for the rest.
func (s *Server) servePage(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_ = pageTemplate.Execute(w, struct{ Version string }{s.o.Build.Version})
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	name := path.Clean("page/" + r.PathValue("file"))
	b, err := pageFiles.ReadFile(name)
	kind := assetTypes[path.Ext(name)]
	if err != nil || kind == "" || !strings.HasPrefix(name, "page/") {
		writeError(w, http.StatusNotFound, "unknown_path", "there is nothing at this address")
		return
	}
	w.Header().Set("Content-Type", kind)
	w.Write(b)
}
