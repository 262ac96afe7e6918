#!/bin/sh
# Before removal: stops relay. Not before an upgrade, which restarts it.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now relay.service || true
	fi
	;;
esac
