package advice

import "relay/relay/internal/graph"

// setClock is the fix for a clock by which a certificate is not valid yet.
const setClock = "set the clock of this machine and let NTP keep it: it is probably wrong, and by it the certificate is not valid yet"

// fixProxy is what to do about a proxy that cannot be used.
const fixProxy = "check graph.proxy (or HTTPS_PROXY): host, port, and user and password if the proxy requires them (http://user:password@host:port)"

// network is the advice for requests without an answer.
func network(f graph.Failure) Advice {
	switch f {
	case graph.FailureProxy, graph.FailureProxyLogin:
		return Advice{
			Cause: "proxy", What: "The proxy could not be used, so nothing was sent.",
			Who: Network, Do: fixProxy, Relay: relayRetries,
		}
	case graph.FailureProxyRefused:
		return Advice{
			Cause: "proxy_refused", What: "The proxy did not connect to Meta, so nothing was sent.",
			When: ifLasts, Who: Network, Do: "allow this machine to connect to port 443 of graph.facebook.com (or to the endpoint that relay.yaml sets) through the proxy, and check the proxy's own connection", Relay: relayRetries,
		}
	case graph.FailureNoTLS:
		return Advice{
			Cause: "not_encrypted", What: "A server without encryption answered instead of Meta, so nothing was sent.",
			Who: Network, Do: "check the scheme and port of graph.endpoint if it is set; otherwise allow this machine to connect to graph.facebook.com", Relay: relayRetries,
		}
	case graph.FailureHandshake, graph.FailureUntrusted, graph.FailureWrongHost, graph.FailureExpired, graph.FailureNotYetValid, graph.FailureCertificate:
		return Advice{
			Cause: "tls", What: "The connection to Meta is not secure, so nothing was sent.",
			Who: Network, Do: fixMetaTLS(f), Relay: relayRetries,
		}
	case graph.FailureSlow:
		return Advice{
			Cause: "slow_connection", What: "The connection was too slow for the whole request, so Meta stored none of it.",
			When: ifLasts, Who: Network, Do: "check the internet connection", Relay: "relay keeps the events and makes its requests smaller until they succeed.",
		}
	case graph.FailureDNS:
		return Advice{
			Cause: "dns", What: "The name of Meta's server could not be looked up, so nothing was sent.",
			When: ifLasts, Who: Network, Do: "check the name server of this machine; if there is a proxy, set graph.proxy: the proxy then looks up names", Relay: relayRetries,
		}
	case graph.FailureNotHTTP:
		return foreign()
	}
	return unreachable()
}

// fixMetaTLS is what to do about a connection to Meta that is not secure.
func fixMetaTLS(f graph.Failure) string {
	const firewall = "put the certificate (PEM) of a firewall that inspects encrypted traffic into graph.ca_file; without one, "
	switch f {
	case graph.FailureUntrusted:
		return firewall + "install the system's certificates (ca-certificates); then restart relay"
	case graph.FailureWrongHost:
		return "find out what answers instead of Meta (a login page, a firewall, the name server), and check graph.endpoint if it is set"
	case graph.FailureExpired:
		return "check the clock of this machine; if it is right, the certificate of a firewall that inspects encrypted traffic has expired"
	case graph.FailureNotYetValid:
		return setClock + "; if the clock is right, the certificate of a firewall that inspects encrypted traffic is not valid yet"
	}
	return firewall + "install the system's certificates (ca-certificates); then restart relay, and check the clock of this machine"
}

func unreachable() Advice {
	return Advice{
		Cause: "unreachable", What: "Meta could not be reached, so nothing was sent.",
		When: ifLasts, Who: Network, Do: "check the internet connection, and that the firewall allows this machine to connect to port 443 of graph.facebook.com (or to the endpoint that relay.yaml sets)",
		Relay: relayRetries,
	}
}

// hubNetwork is the advice for chunks without an answer.
func hubNetwork(f graph.Failure) Advice {
	switch f {
	case graph.FailureSlow:
		return Advice{
			Cause: "hub_slow_connection", What: "The connection was too slow for the whole chunk, so the hub stored none of it.",
			When: ifLasts, Who: Network, Do: "check the connection to the hub", Relay: "relay keeps the events and makes its chunks smaller until they succeed.",
		}
	case graph.FailureHandshake, graph.FailureUntrusted, graph.FailureWrongHost, graph.FailureExpired, graph.FailureNotYetValid, graph.FailureCertificate:
		return Advice{
			Cause: "hub_tls", What: "The connection to the hub is not secure, so nothing is forwarded.",
			Who: Operator, Do: fixHubTLS(f), Relay: relayRetries,
		}
	case graph.FailureNoTLS:
		return Advice{
			Cause: "hub_tls", What: "The server at forward.url does not use encryption, so nothing is forwarded.",
			Who: Operator, Do: "check the scheme and port of forward.url, and tls on the hub", Relay: relayRetries,
		}
	case graph.FailureProxy, graph.FailureProxyLogin:
		return Advice{
			Cause: "hub_proxy", What: "The proxy could not be used, so nothing is forwarded.",
			Who: Network, Do: fixProxy, Relay: relayRetries,
		}
	case graph.FailureProxyRefused:
		return Advice{
			Cause: "hub_proxy", What: "The proxy did not connect to the hub, so nothing is forwarded.",
			When: ifLasts, Who: Network, Do: "allow this machine to connect to the hub through the proxy, and check the proxy's own connection", Relay: relayRetries,
		}
	case graph.FailureDNS:
		return Advice{
			Cause: "hub_dns", What: "The name of the hub could not be looked up, so nothing is forwarded.",
			When: ifLasts, Who: Network, Do: "check the host in forward.url, and the name server of this machine", Relay: relayRetries,
		}
	case graph.FailureNotHTTP:
		return hubForeign()
	}
	return Advice{
		Cause: "hub_unreachable", What: "The hub does not answer.",
		When: ifLasts, Who: Network, Do: "check that relay is running on the hub, that forward.url is its address, and the network between the two", Relay: relayRetries,
	}
}

func hubForeign() Advice {
	return Advice{
		Cause: "hub_foreign", What: "Something other than a relay answered instead of the hub.",
		When: ifLasts, Who: Operator, Do: "check forward.url, and any proxy or firewall between this machine and the hub", Relay: relayRetries,
	}
}

// fixHubTLS is what to do about a connection to the hub that is not secure.
func fixHubTLS(f graph.Failure) string {
	switch f {
	case graph.FailureUntrusted:
		return "set graph.ca_file here to the certificate (PEM) of the authority that signed the hub's certificate"
	case graph.FailureWrongHost:
		return "use a name in forward.url that is in the hub's certificate, or give the hub a certificate for this name (tls in its relay.yaml)"
	case graph.FailureExpired:
		return "give the hub a valid certificate (tls in its relay.yaml), and check the clock of this machine"
	case graph.FailureNotYetValid:
		return setClock + "; if the clock is right, give the hub a certificate that is valid now (tls in its relay.yaml)"
	}
	return "check tls on the hub and forward.url here; a certificate of your own authority needs graph.ca_file here"
}
