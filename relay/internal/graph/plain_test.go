package graph

import (
	"strings"
	"testing"
)

// Errors of the network that no waiting cures name the setting that does.
func TestAdviceOnNetwork(t *testing.T) {
	for message, want := range map[string]string{
		"the certificate is signed by an authority this machine does not know": "graph.ca_file",
		"the certificate is not valid: x509: certificate has expired":          "clock of this machine",
		"the proxy asks for a name and password":                               "graph.proxy",
		"connection refused by the proxy":                                      "graph.proxy",
		"connection refused":                                                   "internet connection",
	} {
		if got := Advice(Result{Class: Retry, Message: message}); !strings.Contains(got, want) {
			t.Errorf("%s: %q", message, got)
		}
	}
}
