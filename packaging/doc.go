// Package packaging has the files to install and monitor relay: the systemd unit,
// the container file, Kubernetes and NATS examples, deb and rpm packages, the
// Grafana dashboard and the Prometheus alerts. Its tests load, run or build
// all of them. A test that needs root or a missing tool skips and says
// so.
//
//	systemd/     the hardened unit of the packages, a drop-in for systemd 253
//	container/   Containerfile and the image's relay.yaml
//	kubernetes/  relay as a native sidecar; a hub on NATS
//	nats/        NATS servers, relay.yaml and compose file of a shared queue
//	forward/     relay.yaml of a hub and of a store
//	config/      relay.yaml of the packages
//	nfpm.yaml    deb and rpm
//	release/     the program behind `make release`
//	grafana/     a dashboard
//	prometheus/  alert rules and their tests
package packaging
