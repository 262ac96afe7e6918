package packaging

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"relay/config"
	"relay/mapper"
)

// loadHub takes a relay.yaml with a queue on NATS through the loader, with the secrets
// and certificates lying where it says.
func loadHub(t *testing.T, text string) *config.Config {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"write-key", "nats-password", "meta-token", "tls.crt", "tls.key", "ca.crt", "relay.crt", "relay.key"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("0123456789abcdef"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "queue-key"), []byte(strings.Repeat("ab", 32)+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c, warnings, err := config.Parse("/etc/relay/relay.yaml", []byte(strings.NewReplacer("/run/secrets/relay", dir, "/etc/relay/", dir+"/").Replace(text)), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Error(w)
	}
	if n := &c.Queue.NATS; len(n.URLs) != 3 || n.Replicas != 3 || n.Sync != "checked" || n.Password.IsEmpty() || c.Dir() != "/run/relay/admin.d" {
		t.Errorf("%+v in %q", n, c.Dir())
	}
	return c
}

func TestNATSExample(t *testing.T) {
	loadHub(t, read(t, "nats/relay.yaml"))
	conf := read(t, "nats/nats.conf")
	for _, need := range []string{"sync_interval: always", "max_payload: 8MB", "max_file_store", "http: 0.0.0.0:8222"} {
		if !strings.Contains(conf, need) {
			t.Errorf("nats.conf lacks %q", need)
		}
	}
	var compose struct {
		Services map[string]struct{ Hostname string }
	}
	if err := yaml.Unmarshal([]byte(read(t, "nats/compose.yaml")), &compose); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"nats-0", "nats-1", "nats-2", "relay-0", "relay-1"} {
		if compose.Services[name].Hostname != name {
			t.Errorf("service %s has the hostname %q", name, compose.Services[name].Hostname)
		}
	}
}

func TestKubernetesHub(t *testing.T) {
	all := objects(t, "kubernetes/hub.yaml")
	files := all["ConfigMap"].Data
	loadHub(t, files["relay.yaml"])
	if _, _, err := mapper.Parse("mapping.yaml", []byte(files["mapping.yaml"])); err != nil {
		t.Error(err)
	}
	for _, name := range []string{"write-key", "meta-token", "nats-password", "tls.crt", "tls.key", "ca.crt"} {
		if all["Secret"].StringData[name] == "" || !strings.Contains(files["relay.yaml"], "/run/secrets/relay/"+name) {
			t.Errorf("the secret %s is not there, or not used", name)
		}
	}
	pod := all["Deployment"].Spec.Template.Spec
	if len(pod.Containers) != 1 || pod.MountToken == nil || *pod.MountToken || !pod.SecurityContext.RunAsNonRoot || pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" || pod.HostNetwork {
		t.Fatalf("%+v", pod)
	}
	c := pod.Containers[0]
	if own := c.SecurityContext; !own.ReadOnlyRoot || own.Escalation == nil || *own.Escalation || own.Privileged || !slices.Equal(own.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("%+v", own)
	}
	if c.Readiness.HTTPGet.Path != "/readyz" || c.Liveness.HTTPGet.Path != "/livez" || c.Liveness.HTTPGet.Port != c.Ports[0].Name {
		t.Errorf("probes: %+v %+v", c.Readiness, c.Liveness)
	}
	mounts := map[string]bool{}
	for _, m := range c.VolumeMounts {
		mounts[m.MountPath] = true
	}
	if !mounts["/run/relay"] || !mounts["/etc/relay"] || !mounts["/run/secrets/relay"] {
		t.Errorf("mounts %v", mounts)
	}
}
