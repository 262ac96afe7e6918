#!/bin/sh
# Before removal: stops relay. An upgrade restarts it instead.
set -e
case "$1" in
remove | 0)
	if [ -d /run/systemd/system ]; then
		systemctl --no-reload disable --now relay.service || true
	fi
	;;
esac
