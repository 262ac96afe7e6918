#!/bin/sh
# After install and upgrade. Arguments: deb "configure" and the old version, if any;
# rpm the number of installed versions. Enables and starts nothing.
set -e

running() { [ -d /run/systemd/system ]; }

case "$1" in
configure) if [ -n "$2" ]; then upgrade=yes; fi ;;
abort-*) exit 0 ;;
*) if [ "$1" -gt 1 ] 2>/dev/null; then upgrade=yes; fi ;;
esac

# The group of the control socket, and of the unit.
if [ -z "$DPKG_ROOT" ] && ! grep -q '^relay-admin:' /etc/group; then
	systemd-sysusers relay.conf 2>/dev/null || groupadd --system relay-admin 2>/dev/null || true
fi
if running; then
	systemctl daemon-reload || true
fi
if [ "$upgrade" = yes ]; then
	if running; then
		systemctl try-restart relay.service || true
	fi
	exit 0
fi
cat <<'TEXT'
relay is installed and not started. To go live:
  1. /etc/relay/mapping.yaml: the ids of your event sets, country, currency
  2. /etc/credstore/relay.meta_token: the access token, mode 0600
  3. relay check
  4. systemctl enable --now relay
Root and members of the group relay-admin can use the commands. `relay page` prints a
link that signs a browser in at http://127.0.0.1:8586/.
TEXT
