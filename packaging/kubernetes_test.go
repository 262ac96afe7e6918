package packaging

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"relay/config"
	"relay/mapper"
)

// object is as much of a Kubernetes object as the example needs.
type object struct {
	APIVersion string `yaml:"apiVersion"`
	Kind       string
	Metadata   struct{ Name string }
	Data       map[string]string
	StringData map[string]string `yaml:"stringData"`
	Spec       struct {
		ServiceName string `yaml:"serviceName"`
		Template    struct {
			Spec struct {
				Grace           int   `yaml:"terminationGracePeriodSeconds"`
				MountToken      *bool `yaml:"automountServiceAccountToken"`
				HostNetwork     bool  `yaml:"hostNetwork"`
				SecurityContext struct {
					RunAsNonRoot   bool                  `yaml:"runAsNonRoot"`
					SeccompProfile struct{ Type string } `yaml:"seccompProfile"`
				} `yaml:"securityContext"`
				InitContainers []container `yaml:"initContainers"`
				Containers     []container
				Volumes        []struct {
					Name      string
					ConfigMap struct{ Name string } `yaml:"configMap"`
					Secret    struct {
						SecretName string `yaml:"secretName"`
					}
				}
			}
		}
		VolumeClaimTemplates []struct {
			Metadata struct{ Name string }
		} `yaml:"volumeClaimTemplates"`
	}
}

type container struct {
	Name          string
	RestartPolicy string `yaml:"restartPolicy"`
	Args          []string
	Ports         []struct{ Name string }
	StartupProbe  probe `yaml:"startupProbe"`
	Liveness      probe `yaml:"livenessProbe"`
	Readiness     probe `yaml:"readinessProbe"`
	VolumeMounts  []struct {
		Name      string
		MountPath string `yaml:"mountPath"`
		SubPath   string `yaml:"subPath"`
	} `yaml:"volumeMounts"`
	SecurityContext struct {
		ReadOnlyRoot bool  `yaml:"readOnlyRootFilesystem"`
		Privileged   bool  `yaml:"privileged"`
		Escalation   *bool `yaml:"allowPrivilegeEscalation"`
		Capabilities struct{ Add, Drop []string }
	} `yaml:"securityContext"`
}

type probe struct {
	HTTPGet struct{ Path, Port string } `yaml:"httpGet"`
}

func objects(t *testing.T, path string) map[string]object {
	t.Helper()
	out := map[string]object{}
	d := yaml.NewDecoder(strings.NewReader(read(t, path)))
	for {
		var o object
		err := d.Decode(&o)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if o.APIVersion == "" || o.Metadata.Name == "" {
			t.Errorf("%s: %s without apiVersion or name", path, o.Kind)
		}
		out[o.Kind] = o
	}
}

func TestKubernetesExample(t *testing.T) {
	all := objects(t, "kubernetes/sidecar.yaml")
	set := all["StatefulSet"]
	pod := set.Spec.Template.Spec
	if len(pod.InitContainers) != 1 || len(pod.Containers) != 1 {
		t.Fatal("want relay and one backend")
	}
	c := pod.InitContainers[0]
	if c.Name != "relay" || c.RestartPolicy != "Always" {
		t.Errorf("%s with restartPolicy %q is no native sidecar", c.Name, c.RestartPolicy)
	}
	if !pod.SecurityContext.RunAsNonRoot || !c.SecurityContext.ReadOnlyRoot {
		t.Error("relay needs neither root nor a writable root")
	}
	// Unset, these three are as open as the cluster leaves them.
	if pod.MountToken == nil || *pod.MountToken {
		t.Error("the pod is given a token of the cluster's API")
	}
	if pod.SecurityContext.SeccompProfile.Type != "RuntimeDefault" {
		t.Errorf("seccompProfile %q", pod.SecurityContext.SeccompProfile.Type)
	}
	if c.SecurityContext.Escalation == nil || *c.SecurityContext.Escalation {
		t.Error("relay may get more rights than it begins with")
	}
	if own := c.SecurityContext; own.Privileged || pod.HostNetwork || len(own.Capabilities.Add) > 0 || !slices.Equal(own.Capabilities.Drop, []string{"ALL"}) {
		t.Errorf("relay needs no capability, no privilege, no network of the host: %+v", own)
	}
	if set.Spec.ServiceName != all["Service"].Metadata.Name {
		t.Error("the StatefulSet names another Service")
	}
	for name, want := range map[string]probe{"startup": c.StartupProbe, "readiness": c.Readiness} {
		if want.HTTPGet.Path != "/readyz" || want.HTTPGet.Port != c.Ports[0].Name {
			t.Errorf("%s probe asks %s at %s", name, want.HTTPGet.Path, want.HTTPGet.Port)
		}
	}
	if c.Liveness.HTTPGet.Path != "/livez" {
		t.Errorf("liveness asks %s: a full disk would restart relay", c.Liveness.HTTPGet.Path)
	}
	given := map[string]bool{}
	for _, v := range pod.Volumes {
		given[v.Name] = true
		if v.ConfigMap.Name != "" && v.ConfigMap.Name != all["ConfigMap"].Metadata.Name ||
			v.Secret.SecretName != "" && v.Secret.SecretName != all["Secret"].Metadata.Name {
			t.Errorf("volume %s is of an object that is not here", v.Name)
		}
	}
	for _, v := range set.Spec.VolumeClaimTemplates {
		given[v.Metadata.Name] = true
	}
	mounted := map[string]string{}
	for _, m := range c.VolumeMounts {
		if !given[m.Name] {
			t.Errorf("nothing gives volume %s", m.Name)
		}
		if m.SubPath != "" {
			t.Errorf("%s is mounted by subPath: it would never change", m.MountPath)
		}
		mounted[m.MountPath] = m.Name
	}
	for _, dir := range []string{"/etc/relay", "/var/lib/relay", "/run/secrets/relay"} {
		if mounted[dir] == "" {
			t.Errorf("%s is not mounted", dir)
		}
	}
	if pod.Grace <= 20 {
		t.Errorf("%d s to stop are not more than intake.shutdown_grace_period", pod.Grace)
	}
}

// The files within the ConfigMap go through the loaders that would read them,
// the secrets lying where the Secret is mounted.
func TestKubernetesFilesLoad(t *testing.T) {
	all := objects(t, "kubernetes/sidecar.yaml")
	dir := t.TempDir()
	for name, text := range all["Secret"].StringData {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	files := all["ConfigMap"].Data
	conf := strings.ReplaceAll(files["relay.yaml"], "/run/secrets/relay", dir)
	c, warnings, err := config.Parse("/etc/relay/relay.yaml", []byte(conf), config.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Error(w)
	}
	if filepath.Base(c.Mapping) != "mapping.yaml" || c.Queue.Path != "/var/lib/relay/queue" || c.Admin.Listen != "127.0.0.1:8586" || c.Health.Listen != "0.0.0.0:8587" {
		t.Errorf("mapping %s, queue %s, admin %s, health %s", c.Mapping, c.Queue.Path, c.Admin.Listen, c.Health.Listen)
	}
	m, warnings, err := mapper.Parse("mapping.yaml", []byte(files["mapping.yaml"]))
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range warnings {
		t.Error(w)
	}
	if len(m.Routes("Order Completed")) != 1 {
		t.Error("Order Completed goes nowhere")
	}
}
