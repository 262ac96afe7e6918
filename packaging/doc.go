// Package packaging holds what brings relay onto machines: the systemd unit,
// the container file, the Kubernetes example, deb and rpm packages, the
// Grafana dashboard and the Prometheus alerts. Its tests load, run or build
// every one of them; those that need a tool which is not there, or root, skip
// and say so.
//
//	systemd/     the hardened unit of the packages, a drop-in for systemd 253
//	container/   Containerfile and the image's relay.yaml
//	kubernetes/  relay as a native sidecar
//	config/      relay.yaml of the packages
//	nfpm.yaml    deb and rpm
//	release/     the program behind `make release`
//	grafana/     a dashboard
//	prometheus/  alert rules and their tests
package packaging
