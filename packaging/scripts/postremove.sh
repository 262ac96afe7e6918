#!/bin/sh
# After removal. The queue stays, even after a purge: it may hold sales that
# Meta has not got yet.
set -e
if [ -d /run/systemd/system ]; then
	systemctl daemon-reload || true
fi
case "$1" in
purge | 0)
	if [ -e /var/lib/private/relay ] || [ -e /var/lib/relay ]; then
		echo "relay's queue is still in /var/lib/private/relay; remove it when nothing in it is needed."
	fi
	;;
esac
